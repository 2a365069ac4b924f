"""The owner's admin: its first page, the dead letters, the groups, and the login."""
