"""Reports over all kept runs: times to recover, durations, and the incident to show first."""
