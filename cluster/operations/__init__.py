"""The work of the command line: start checkouts, show the cluster, verify it, replay."""
