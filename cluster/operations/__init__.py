"""What the command line does: start checkouts, look at the cluster, verify it, replay."""
