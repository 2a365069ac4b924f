"""Make the views that pages read: docs/adr/0045-what-pages-may-read.md."""

from __future__ import annotations

from django.db import migrations

VIEWS = """
    CREATE SCHEMA IF NOT EXISTS pages;
    CREATE VIEW pages.product AS
        SELECT sku, version, name, price, listed, available, reserved, sold FROM product;
    CREATE VIEW pages.reservation AS
        SELECT id, state, quantity, created_at, updated_at, expires_at FROM reservation;
"""


class Migration(migrations.Migration):
    dependencies = [("catalog", "0002_digests")]

    operations = [migrations.RunSQL(VIEWS, "DROP VIEW pages.product, pages.reservation")]
