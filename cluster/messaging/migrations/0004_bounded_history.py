from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [("messaging", "0003_dead_letters_by_digest")]

    operations = [
        migrations.CreateModel(
            name="OpeningBalance",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "name", "key", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.TextField()),
                ("key", models.TextField()),
                ("amount", models.DecimalField(decimal_places=0, max_digits=40)),
            ],
            options={"db_table": "opening_balance"},
        ),
        migrations.CreateModel(
            name="OpeningDigest",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "relation",
                        "part",
                        "bucket",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("relation", models.TextField()),
                ("part", models.TextField()),
                ("bucket", models.IntegerField()),
                ("rows", models.BigIntegerField()),
                ("hashes", models.DecimalField(decimal_places=0, max_digits=40)),
            ],
            options={"db_table": "opening_digest"},
        ),
        migrations.CreateModel(
            name="ClosedHistory",
            fields=[
                ("id", models.SmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("first_kept", models.UUIDField()),
            ],
            options={"db_table": "closed_history"},
        ),
    ]
