"""Products: those of visitors, the copies that are kept of all, and how they are found."""
