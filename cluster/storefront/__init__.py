"""The sixth service: accepts checkouts, keeps the journal of all messages, and issues tokens."""
