"""The lab's demos: each runs the cluster's own code, keeps what really happened, and has a page.

A demo is declared in a module of its own and listed in `registry.py`.
"""
