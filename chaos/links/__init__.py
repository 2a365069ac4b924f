"""Links: a TCP proxy that carries a link's connections only while a network fault is in force."""
