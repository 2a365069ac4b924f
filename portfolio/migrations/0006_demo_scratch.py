from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('portfolio', '0005_idempotency'),
    ]

    operations = [
        migrations.CreateModel(
            name='DemoScratch',
            fields=[
                ('id', models.UUIDField(primary_key=True, serialize=False)),
                ('run', models.UUIDField()),
                ('value', models.BigIntegerField()),
                ('at', models.DateTimeField()),
            ],
            options={
                'db_table': 'demo_scratch',
                'indexes': [models.Index(fields=['run'], name='demo_scratch_run')],
            },
        ),
    ]
