"""Make the views that pages read: docs/adr/0045-what-pages-may-read.md.

No body of a message is in them. The reason of a dead letter, which may quote one, is cut short.
"""

from __future__ import annotations

from django.db import migrations

VIEWS = """
    CREATE SCHEMA IF NOT EXISTS pages;
    CREATE VIEW pages.inbox AS
        SELECT message_id, type, applied, sequence, applied_at FROM inbox;
    CREATE VIEW pages.counter AS
        SELECT name, value FROM counter;
    CREATE VIEW pages.dead_letter AS
        SELECT id, message_id, source, type, subject, sequence, reason, left(detail, 80) AS detail,
               created_at, replayed_at, replays FROM dead_letter;
"""
FORGET = """
    DROP VIEW pages.inbox, pages.counter, pages.dead_letter
"""


class Migration(migrations.Migration):
    dependencies = [("messaging", "0004_bounded_history")]

    operations = [migrations.RunSQL(VIEWS, FORGET)]
