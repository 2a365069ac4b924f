from django.db import migrations, models

# Of rows with equal bodies, which earlier versions could file again and again, the first.
DIGEST = """
    UPDATE dead_letter SET digest = sha256(body)
     WHERE id IN (SELECT min(id) FROM dead_letter WHERE replayed_at IS NULL GROUP BY sha256(body))
"""


class Migration(migrations.Migration):

    dependencies = [("messaging", "0002_order_of_application")]

    operations = [
        migrations.AddField("deadletter", "properties", models.BinaryField(null=True)),
        migrations.AddField("deadletter", "digest", models.BinaryField(null=True)),
        migrations.RunSQL(DIGEST, migrations.RunSQL.noop),
        migrations.AddConstraint(
            "deadletter",
            models.UniqueConstraint(
                fields=["digest"],
                condition=models.Q(replayed_at__isnull=True),
                name="dead_letter_kept_once",
            ),
        ),
    ]
