from django.db import migrations, models

# What was listed before has the number of its last announcement.
VERSIONS = """
    UPDATE product p SET version = t.version, fed_by = t.seq
      FROM (SELECT DISTINCT ON (envelope #>> '{data,sku}')
                   envelope #>> '{data,sku}' AS sku, sequence AS version, seq
              FROM journal
             WHERE type IN ('catalog.product_listed.v1', 'catalog.product_restocked.v1')
             ORDER BY envelope #>> '{data,sku}', sequence DESC) AS t
     WHERE p.sku = t.sku
"""

INDEX = """
    CREATE INDEX product_text ON product
     USING gin (to_tsvector('english', name || ' ' || replace(sku, '-', ' ')))
"""


class Migration(migrations.Migration):

    dependencies = [
        ('portfolio', '0007_tokens'),
    ]

    operations = [
        migrations.AddField(
            model_name='product',
            name='version',
            field=models.IntegerField(db_default=1),
        ),
        migrations.AddField(
            model_name='product',
            name='fed_by',
            field=models.BigIntegerField(db_default=0),
        ),
        migrations.RunSQL(VERSIONS, migrations.RunSQL.noop),
        migrations.RunSQL(INDEX, "DROP INDEX product_text"),
        migrations.CreateModel(
            name='OwnProduct',
            fields=[
                ('id', models.UUIDField(primary_key=True, serialize=False)),
                ('visitor', models.TextField()),
                ('sku', models.TextField(unique=True)),
                ('listed_at', models.DateTimeField()),
            ],
            options={
                'db_table': 'own_product',
                'indexes': [models.Index(fields=['visitor', 'listed_at'], name='own_product_of')],
            },
        ),
    ]
