"""The chaos pages: break something, follow it, read the report."""
