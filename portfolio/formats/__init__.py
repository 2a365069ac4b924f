"""How the admin writes dates; the pages name their own formats."""
