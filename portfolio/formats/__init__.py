"""The formats of dates in the admin, since the pages name their own."""
