"""Reports over all kept runs: times to recover, and the incident to show first."""
