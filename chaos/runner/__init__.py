"""The runner: one process that runs the experiments requested by visitors and the owner."""
