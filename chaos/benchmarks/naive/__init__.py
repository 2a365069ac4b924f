"""The first baseline: the same checkout as one Celery task a step, published after the commit.

What it does: the same sixteen steps in the same five services, each in a worker
process of its own with a database of its own on the platform's servers (fsync
on), the same tables and indexes, over quorum queues on the platform's broker.
What it leaves out: outbox, inbox, journal, order, publisher confirms, deadlines,
compensation, and the provider, whose two answers are tasks. A crash loses steps.
"""
