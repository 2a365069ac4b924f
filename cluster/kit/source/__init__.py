"""The source that is running: its files, what is defined where, and how it is highlighted."""
