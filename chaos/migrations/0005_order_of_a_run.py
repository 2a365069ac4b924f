from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [("chaos", "0004_runs_of_an_address")]

    operations = [migrations.AddField("experimentrun", "order", models.UUIDField(null=True))]
