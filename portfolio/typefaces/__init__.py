"""The site's typefaces, cut to what it needs from the fonts in its Python packages.

docs/adr/0013-typefaces.md says which and why. `faces` names them, `cutting` makes a WOFF2
of one, `sheet` writes their stylesheet, `folder` keeps the result in the run directory,
and `finder` shows it to Django as static files.
"""
