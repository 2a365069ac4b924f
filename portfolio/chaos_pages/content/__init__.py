"""What the chaos pages show, made ready for their templates: words, rows and drawings; no HTTP."""
