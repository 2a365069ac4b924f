"""Traces as people and programs read them: a waterfall, a table, JSON and OTLP."""
