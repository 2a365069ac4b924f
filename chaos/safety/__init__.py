"""Permission to break things: the queue, the limits, and the owner's switch."""
