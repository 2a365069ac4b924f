"""The content of the chaos pages for their templates: words, rows and drawings, without HTTP."""
