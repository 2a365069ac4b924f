"""The lab's demos: each runs the cluster's own code, keeps what really happened, and has a page.

The demos themselves are in `scenarios/`, and all else here is what they run with. `registry.py`
lists them.
"""
