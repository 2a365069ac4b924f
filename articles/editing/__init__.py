"""Writing articles in the admin: form, preview, revisions, and texts that must not be lost."""
