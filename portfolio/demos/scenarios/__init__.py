"""The demos: a module with `DEMO` for each, and beside it a Markdown file of the demo's words."""
