"""Add a digest to each row of the limits and the families of tokens.

Those of earlier rows stay null, and are not checked.
"""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("identity", "0003_tokens")]

    operations = [
        migrations.AddField("visitorlimit", "digest", models.BinaryField(null=True)),
        migrations.AddField("tokenfamily", "digest", models.BinaryField(null=True)),
    ]
