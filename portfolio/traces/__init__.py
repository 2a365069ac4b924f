"""Traces for people and for programs: a waterfall, tables, JSON and OTLP."""
