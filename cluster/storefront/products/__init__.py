"""Products that visitors list, and the search for products."""
