"""The experiments, a file for each family; `chaos/experiments/catalogue.py` collects them."""
