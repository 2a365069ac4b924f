"""The owner's texts: profile, page texts and work, as rows in the admin."""
