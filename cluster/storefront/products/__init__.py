"""Products that visitors list, and how products are found."""
