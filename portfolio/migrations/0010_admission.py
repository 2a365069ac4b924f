from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('portfolio', '0009_audience'),
    ]

    operations = [
        migrations.CreateModel(
            name='Admission',
            fields=[
                ('id', models.SmallIntegerField(default=1, primary_key=True, serialize=False)),
                ('checkout_limit', models.IntegerField()),
                ('ended', models.IntegerField(default=0)),
                ('window_began', models.DateTimeField()),
            ],
            options={
                'db_table': 'admission',
                'constraints': [models.CheckConstraint(condition=models.Q(('id', 1)), name='admission_one_row')],
            },
        ),
    ]
