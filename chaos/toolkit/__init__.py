"""What Chaos Toolkit calls: the actions and the probes of our experiments, as Python providers.

`chaos run FILE` finds them when it runs from the environment of the checkout.
"""
