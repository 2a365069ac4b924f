"""Who may break what, and when: the queue, the limits, the owner's switch and the audit trail."""
