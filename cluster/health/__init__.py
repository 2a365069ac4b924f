"""The cluster's health: probes, the observer, progress, and the checkers."""
