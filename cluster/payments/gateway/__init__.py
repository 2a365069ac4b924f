"""The gateway: the one process that talks with the payment provider, in both directions."""
