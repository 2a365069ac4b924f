"""The page that shows the whole design, measured from the files that make it."""
