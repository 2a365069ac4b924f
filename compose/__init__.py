"""How the parts run: the environment, the servers, and the supervisor over them all."""
