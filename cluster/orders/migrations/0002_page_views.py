"""Make the views that pages read: docs/adr/0045-what-pages-may-read.md."""

from __future__ import annotations

from django.db import migrations

VIEWS = """
    CREATE SCHEMA IF NOT EXISTS pages;
    CREATE VIEW pages.orders AS
        SELECT id, visitor, sku, quantity, amount, state, version, created_at, updated_at FROM orders;
    CREATE VIEW pages.refund AS
        SELECT id, order_id, state, money_back, stock_back, limit_back, created_at FROM refund;
"""


class Migration(migrations.Migration):
    dependencies = [("orders", "0001_initial")]

    operations = [migrations.RunSQL(VIEWS, "DROP VIEW pages.orders, pages.refund")]
