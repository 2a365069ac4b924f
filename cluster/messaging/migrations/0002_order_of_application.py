from django.db import migrations, models

# Each batch draws one number and counts on from it; a batch is far smaller than the step.
PLACES = "CREATE SEQUENCE inbox_place INCREMENT BY 1000 OWNED BY inbox.place"
# Every row is written once more in its own transaction: room for that on its own page
# spares the indexes.
ROOM = "ALTER TABLE inbox SET (fillfactor = 50)"


class Migration(migrations.Migration):

    dependencies = [("messaging", "0001_initial")]

    operations = [
        migrations.AddField("inboxmessage", "source", models.TextField(db_default="")),
        migrations.AddField("inboxmessage", "subject", models.TextField(db_default="")),
        migrations.AddField("inboxmessage", "sequence", models.IntegerField(null=True)),
        migrations.AddField("inboxmessage", "place", models.BigIntegerField(null=True)),
        migrations.RunSQL(PLACES, "DROP SEQUENCE inbox_place"),
        migrations.RunSQL(ROOM, "ALTER TABLE inbox RESET (fillfactor)"),
    ]
