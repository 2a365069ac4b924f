"""The contact form: kept in the database first, then mailed when mail is configured."""
