"""The first baseline: a checkout as one Celery task per step, published after the commit.

It does the same sixteen steps in the same five services, each in a worker process of its
own with a database of its own on the platform's servers (fsync on), the same tables and
indexes, over quorum queues on the platform's broker. It leaves out outbox, inbox,
journal, order, publisher confirms, deadlines, compensation, and the provider, whose two
answers are tasks. A crash loses steps.
"""
