"""Products of visitors: whose they are, and how they are listed and amended."""
