"""Logged models with files of their own, and the datasets that runs read."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models
from django.db.models.deletion import CASCADE

_KEY = ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"))


class Migration(migrations.Migration):
    dependencies = [("runs", "0006_search")]

    operations = [
        migrations.CreateModel(
            name="Dataset",
            fields=[
                _KEY,
                ("name", models.CharField(max_length=500)),
                ("digest", models.CharField(max_length=36)),
                ("source_type", models.CharField(max_length=36)),
                ("source", models.TextField()),
                ("schema", models.TextField(null=True)),
                ("profile", models.TextField(null=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("experiment", models.ForeignKey("runs.experiment", CASCADE, related_name="datasets")),
            ],
        ),
        migrations.CreateModel(
            name="DatasetUse",
            fields=[
                _KEY,
                ("tags", models.JSONField(default=dict)),
                ("context", models.CharField(blank=True, max_length=500)),
                ("dataset", models.ForeignKey("runs.dataset", CASCADE, related_name="uses")),
                ("run", models.ForeignKey("runs.run", CASCADE, db_index=False, related_name="dataset_uses")),
            ],
        ),
        migrations.CreateModel(
            name="LoggedModel",
            fields=[
                _KEY,
                ("model_id", models.CharField(max_length=36)),
                ("name", models.CharField(max_length=500)),
                ("model_type", models.CharField(blank=True, max_length=500)),
                (
                    "status",
                    models.CharField(
                        choices=[("Pending", "Pending"), ("Ready", "Ready"), ("Failed", "Upload failed")],
                        default="Pending",
                        max_length=16,
                    ),
                ),
                ("parameters", models.JSONField(default=dict)),
                ("tags", models.JSONField(default=dict)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("updated_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("archived_at", models.DateTimeField(blank=True, null=True)),
                (
                    "experiment",
                    models.ForeignKey("runs.experiment", CASCADE, db_index=False, related_name="logged_models"),
                ),
                (
                    "source_run",
                    models.ForeignKey(
                        "runs.run",
                        django.db.models.deletion.SET_NULL,
                        blank=True,
                        null=True,
                        related_name="logged_models",
                    ),
                ),
                (
                    "workspace",
                    models.ForeignKey("runs.workspace", CASCADE, db_index=False, related_name="logged_models"),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ModelUse",
            fields=[
                _KEY,
                ("direction", models.CharField(choices=[("input", "Input"), ("output", "Output")], max_length=8)),
                ("step", models.BigIntegerField(default=0)),
                ("model", models.ForeignKey("runs.loggedmodel", CASCADE, related_name="uses")),
                ("run", models.ForeignKey("runs.run", CASCADE, db_index=False, related_name="model_uses")),
            ],
        ),
        migrations.CreateModel(
            name="LoggedModelMetric",
            fields=[
                _KEY,
                ("key", models.CharField(max_length=255)),
                ("value", models.FloatField(null=True)),
                ("step", models.BigIntegerField(default=0)),
                ("time_us", models.BigIntegerField()),
                ("dataset_name", models.CharField(blank=True, max_length=500)),
                ("dataset_digest", models.CharField(blank=True, max_length=36)),
                ("model", models.ForeignKey("runs.loggedmodel", CASCADE, db_index=False, related_name="metrics")),
                ("run", models.ForeignKey("runs.run", CASCADE, related_name="model_metrics")),
            ],
        ),
        migrations.AddConstraint(
            "dataset", models.UniqueConstraint(fields=("experiment", "name", "digest"), name="dataset_once")
        ),
        migrations.AddConstraint(
            "datasetuse", models.UniqueConstraint(fields=("run", "dataset"), name="dataset_use_once")
        ),
        migrations.AddConstraint(
            "loggedmodel", models.UniqueConstraint(fields=("workspace", "model_id"), name="logged_model_id_once")
        ),
        migrations.AddIndex(
            "loggedmodel", models.Index(fields=["experiment", "-created_at"], name="logged_model_newest")
        ),
        migrations.AddConstraint(
            "modeluse", models.UniqueConstraint(fields=("run", "model", "direction"), name="model_use_once")
        ),
        migrations.AddConstraint(
            "loggedmodelmetric",
            models.UniqueConstraint(
                fields=("model", "key", "run", "step", "time_us", "dataset_digest"), name="logged_model_metric_once"
            ),
        ),
        migrations.AlterField(
            "artifact", "run", models.ForeignKey("runs.run", CASCADE, null=True, related_name="artifacts")
        ),
        migrations.AddField(
            "artifact",
            "logged_model",
            models.ForeignKey("runs.loggedmodel", CASCADE, db_index=False, null=True, related_name="artifacts"),
        ),
        migrations.AddConstraint(
            "artifact",
            models.UniqueConstraint(fields=("logged_model", "path"), name="model_artifact_once"),
        ),
        migrations.AddConstraint(
            "artifact",
            models.CheckConstraint(
                condition=models.Q(("logged_model__isnull", False), ("run__isnull", True))
                | models.Q(("logged_model__isnull", True), ("run__isnull", False)),
                name="artifact_has_one_holder",
            ),
        ),
    ]
