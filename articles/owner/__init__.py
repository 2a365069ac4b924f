"""The owner's words: profile, page texts and work, as rows in the admin."""
