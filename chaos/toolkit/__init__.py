"""The actions and the probes of our experiments, as Python providers for Chaos Toolkit.

`chaos run FILE` finds them when it runs from the environment of the checkout.
"""
