"""Links: a TCP proxy that is in a connection's way while a network fault runs, and only then."""
