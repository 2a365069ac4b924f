"""The experiments, a file for each family, collected by `chaos/experiments/catalogue.py`."""
