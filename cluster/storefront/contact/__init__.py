"""Contact messages: kept in the database first, then mailed when mail is configured."""
