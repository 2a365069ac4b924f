"""Drivers, which carry faults out: the local supervisor, the Docker Engine, Kubernetes."""
