"""Filters of the chaos pages."""
