"""Add a digest to each row of the products.

Those of earlier rows stay null, and are not checked.
"""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("catalog", "0001_initial")]

    operations = [
        migrations.AddField("product", "digest", models.BinaryField(null=True)),
    ]
