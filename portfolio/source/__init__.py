"""The source that is running, shown on the site: its files, and where in them a thing is."""
