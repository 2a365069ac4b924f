"""Make the views that pages read: docs/adr/0045-what-pages-may-read.md."""

from __future__ import annotations

from django.db import migrations

VIEWS = """
    CREATE SCHEMA IF NOT EXISTS pages;
    CREATE VIEW pages.saga AS
        SELECT id, state, updated_at, reason, ended_at FROM saga;
"""


class Migration(migrations.Migration):
    dependencies = [("checkout", "0001_initial")]

    operations = [migrations.RunSQL(VIEWS, "DROP VIEW pages.saga")]
