"""The runner: one process that runs the experiments that visitors and the owner ask for."""
