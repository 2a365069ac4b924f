"""The source that is running: its files, its definitions, and its syntax highlighting."""
