"""Addresses of a run's page, within its workspace."""

from django.urls import path

from runs.web import run, run_children, run_events, run_logs, run_metrics

RUN = "runs/<str:run_id>"

urlpatterns = [
    path(RUN, run.detail, name="run"),
    path(f"{RUN}/name", run.name, name="run-name"),
    path(f"{RUN}/tags", run.tags, name="run-tags"),
    path(f"{RUN}/description", run.description, name="run-description"),
    path(f"{RUN}/cancel", run.cancel, name="run-cancel"),
    path(f"{RUN}/archive", run.archive, name="run-archive"),
    path(f"{RUN}/restore", run.restore, name="run-restore"),
    path(f"{RUN}/metrics", run_metrics.index, name="run-metrics"),
    path(f"{RUN}/monitoring", run_metrics.monitoring, name="run-monitoring"),
    path(f"{RUN}/series", run_metrics.series_json, name="run-series"),
    path(f"{RUN}/values.csv", run_metrics.values_csv, name="run-values-csv"),
    path(f"{RUN}/table.csv", run_metrics.table_csv, name="run-table-csv"),
    path(f"{RUN}/children", run_children.index, name="run-children"),
    path(f"{RUN}/logs", run_logs.index, name="run-logs"),
    path(f"{RUN}/logs/lines", run_logs.lines, name="run-log-lines"),
    path(f"{RUN}/logs/raw/<path:name>", run_logs.raw, name="run-log-raw"),
    path(f"{RUN}/files/<path:path>", run_logs.file, name="run-file"),
    path(f"{RUN}/models/<str:model_id>/files/<path:path>", run_logs.model_file, name="run-model-file"),
    path(f"{RUN}/files.zip", run_logs.zipped, name="run-files-zip"),
    path(f"{RUN}/events", run_events.index, name="run-events"),
]
