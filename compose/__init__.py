"""The Python environment, the servers, and the supervisor that runs every process."""
