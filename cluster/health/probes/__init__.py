"""One probe for each kind of part, which asks by the part's real protocol and takes the time."""
