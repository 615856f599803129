"""What lets each workspace have an experiment `0`: an id that is unique in its workspace alone, and MLflow's longer names."""

import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("runs", "0004_registry")]

    operations = [
        migrations.AddField("experiment", "updated_at", models.DateTimeField(default=django.utils.timezone.now)),
        migrations.AlterField("experiment", "experiment_id", models.CharField(max_length=36)),
        migrations.AlterField("experiment", "name", models.CharField(max_length=500)),
        migrations.AddConstraint(
            "experiment",
            models.UniqueConstraint(fields=("workspace", "experiment_id"), name="experiment_id_once"),
        ),
    ]
