"""A digest of each row of the journal; those of earlier rows stay null, and are not checked."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("portfolio", "0011_readable")]

    operations = [
        migrations.AddField("journalentry", "digest", models.BinaryField(null=True)),
    ]
