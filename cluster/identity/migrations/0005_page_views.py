"""Make the views that pages read: docs/adr/0045-what-pages-may-read.md.

The secrets of a token are counted and not shown.
"""

from __future__ import annotations

from django.db import migrations

VIEWS = """
    CREATE SCHEMA IF NOT EXISTS pages;
    CREATE VIEW pages.hold AS
        SELECT id, state FROM hold;
    CREATE VIEW pages.spend AS
        SELECT id, amount FROM spend;
    CREATE VIEW pages.limit_restoration AS
        SELECT id, amount FROM limit_restoration;
    CREATE VIEW pages.erasure AS
        SELECT id, receipts FROM erasure;
    CREATE VIEW pages.token_family AS
        SELECT id, state, cardinality(used) AS uses, updated_at FROM token_family;
"""
FORGET = """
    DROP VIEW pages.hold, pages.spend, pages.limit_restoration, pages.erasure, pages.token_family
"""


class Migration(migrations.Migration):
    dependencies = [("identity", "0004_digests")]

    operations = [migrations.RunSQL(VIEWS, FORGET)]
