"""Make the views that pages read: docs/adr/0045-what-pages-may-read.md."""

from __future__ import annotations

from django.db import migrations

VIEWS = """
    CREATE SCHEMA IF NOT EXISTS pages;
    CREATE VIEW pages.payment AS
        SELECT id, amount, card, state, authorisation, reason, authorised, captured, voided,
               refunded, created_at, updated_at FROM payment;
    CREATE VIEW pages.ledger_entry AS
        SELECT id, payment, transaction, account, amount, at FROM ledger_entry;
    CREATE VIEW pages.provider_event AS
        SELECT id, payment, type, received_at FROM provider_event;
"""
FORGET = """
    DROP VIEW pages.payment, pages.ledger_entry, pages.provider_event
"""


class Migration(migrations.Migration):
    dependencies = [("payments", "0001_initial")]

    operations = [migrations.RunSQL(VIEWS, FORGET)]
