"""One probe a kind of part: each asks over the part's real protocol, and says how long it took."""
