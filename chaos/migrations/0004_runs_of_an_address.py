from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [("chaos", "0003_runs")]

    operations = [
        migrations.AddField("experimentrun", "remote", models.TextField(blank=True, db_default="")),
        migrations.AddIndex(
            "experimentrun",
            models.Index(fields=["remote", "-asked_at"], name="experiment_run_remote"),
        ),
    ]
