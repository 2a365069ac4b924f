"""The owner's admin: its first page, the dead letters, who may do what, and the login."""
