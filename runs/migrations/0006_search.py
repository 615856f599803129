"""Indexes for what a search asks; a relation loses its own where another index begins with it."""

from django.db import migrations, models
from django.db.models.deletion import CASCADE

from runs.models.record import Beginning


def _relation(to: str, related_name: str, **options: bool) -> models.ForeignKey:
    return models.ForeignKey(to, CASCADE, related_name=related_name, db_index=False, **options)


class Migration(migrations.Migration):
    dependencies = [("runs", "0005_default_experiment")]

    operations = [
        migrations.RemoveIndex("parameter", "parameter_number"),
        migrations.RemoveIndex("tag", "tag_key"),
        migrations.AlterField("event", "run", _relation("runs.run", "events")),
        migrations.AlterField("parameter", "run", _relation("runs.run", "parameter_rows")),
        migrations.AlterField("property", "run", _relation("runs.run", "property_rows")),
        migrations.AlterField("tag", "run", _relation("runs.run", "tag_rows")),
        migrations.AlterField("run", "workspace", _relation("runs.workspace", "runs")),
        migrations.AlterField("run", "experiment", _relation("runs.experiment", "runs")),
        migrations.AlterField("run", "parent", _relation("runs.run", "children", null=True, blank=True)),
        migrations.AlterField("run", "root", _relation("runs.run", "descendants", null=True, blank=True)),
        migrations.AddIndex(
            "run", models.Index(fields=["experiment", "-started_at", "status", "archived_at"], name="run_started")
        ),
        migrations.AddIndex("tag", models.Index("key", Beginning("value"), "run", name="tag_value")),
        migrations.AddIndex(
            "parameter",
            models.Index(
                fields=["key", "number", "run"], condition=models.Q(number__isnull=False), name="parameter_as_number"
            ),
        ),
        migrations.AddIndex(
            "parameter",
            models.Index(
                "key", Beginning("text"), "run", condition=models.Q(number__isnull=True), name="parameter_as_text"
            ),
        ),
    ]
