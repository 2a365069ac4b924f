"""The views of the chaos pages."""
