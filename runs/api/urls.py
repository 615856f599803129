"""Addresses of the API, under /api/v1/."""

from django.urls import path, re_path

from runs.api import reference
from runs.api.agents import Agents, Leases
from runs.api.artifacts import Artifacts
from runs.api.compute import Targets
from runs.api.errors import unknown_path
from runs.api.events import Events
from runs.api.experiments import Experiments
from runs.api.inputs import Datasets, LoggedModels
from runs.api.logs import Logs
from runs.api.metrics import Metrics, Series
from runs.api.models import Models, ModelVersions
from runs.api.records import Records
from runs.api.runs import Runs
from runs.api.server import MeEndpoint, ServerEndpoint
from runs.api.snapshots import Snapshots
from runs.api.submissions import Submissions
from runs.api.tables import Tables
from runs.api.tokens import Tokens
from runs.api.workspaces import Members, Workspaces

RUN = "runs/<str:run_id>"
EXPERIMENT = "experiments/<str:experiment>"
AGENT = "agents/<str:agent_id>"
LEASE = f"{AGENT}/leases/<str:lease>"
MODEL = "models/<str:model>"
VERSION = f"{MODEL}/versions/<int:version>"

urlpatterns = [
    path("server", ServerEndpoint.as_view({"get": "server"})),
    path("me", MeEndpoint.as_view({"get": "me"})),
    path("tokens", Tokens.as_view({"get": "list", "post": "create"})),
    path("tokens/<int:token_id>", Tokens.as_view({"delete": "destroy"})),
    path("workspaces", Workspaces.as_view({"get": "list", "post": "create"})),
    path("workspaces/<str:name>", Workspaces.as_view({"get": "retrieve", "patch": "partial_update"})),
    path("workspaces/<str:name>/members", Members.as_view({"get": "list_members"})),
    path(
        "workspaces/<str:name>/members/<str:username>",
        Members.as_view({"put": "put_member", "delete": "remove_member"}),
    ),
    path("experiments", Experiments.as_view({"get": "list", "post": "create"})),
    path(EXPERIMENT, Experiments.as_view({"get": "retrieve", "patch": "partial_update", "delete": "destroy"})),
    path(f"{EXPERIMENT}/archive", Experiments.as_view({"post": "archive"})),
    path(f"{EXPERIMENT}/restore", Experiments.as_view({"post": "restore"})),
    path(f"{EXPERIMENT}/tags", Experiments.as_view({"post": "set_tags"})),
    path(f"{EXPERIMENT}/tags/remove", Experiments.as_view({"post": "remove_tags"})),
    path("runs", Runs.as_view({"get": "list", "post": "create"})),
    # Before the run of that name: POST has no meaning at a run's own address.
    path("runs/batch", Runs.as_view({"post": "create_many"})),
    path("runs/submit", Submissions.as_view({"post": "submit"})),
    path("runs/bulk", Submissions.as_view({"post": "bulk"})),
    path(RUN, Runs.as_view({"get": "retrieve", "patch": "partial_update"})),
    path(f"{RUN}/start", Runs.as_view({"post": "start"})),
    path(f"{RUN}/complete", Runs.as_view({"post": "complete"})),
    path(f"{RUN}/fail", Runs.as_view({"post": "fail"})),
    path(f"{RUN}/cancel", Runs.as_view({"post": "cancel"})),
    path(f"{RUN}/archive", Runs.as_view({"post": "archive"})),
    path(f"{RUN}/restore", Runs.as_view({"post": "restore"})),
    path(f"{RUN}/heartbeat", Runs.as_view({"post": "heartbeat"})),
    path(f"{RUN}/children", Runs.as_view({"get": "children"})),
    path(f"{RUN}/events", Events.as_view({"get": "list"})),
    path(f"{RUN}/tags", Records.as_view({"post": "set_tags"})),
    path(f"{RUN}/tags/remove", Records.as_view({"post": "remove_tags"})),
    path(f"{RUN}/properties", Records.as_view({"post": "add_properties"})),
    path(f"{RUN}/parameters", Records.as_view({"post": "log_parameters"})),
    path(f"{RUN}/metrics", Metrics.as_view({"get": "summaries", "post": "log"})),
    path(f"{RUN}/metrics/values", Metrics.as_view({"get": "values"})),
    path(f"{RUN}/tables", Tables.as_view({"get": "list", "post": "log"})),
    path(f"{RUN}/tables/rows", Tables.as_view({"get": "rows"})),
    path(f"{RUN}/tables/values", Tables.as_view({"get": "values"})),
    path("series", Series.as_view({"get": "series"})),
    path(f"{RUN}/artifacts", Artifacts.as_view({"get": "list"})),
    path(f"{RUN}/artifacts.zip", Artifacts.as_view({"get": "zip"})),
    path(
        f"{RUN}/artifacts/<path:path>",
        Artifacts.as_view({"get": "download", "put": "upload", "delete": "remove"}),
    ),
    path(f"{RUN}/datasets", Datasets.as_view({"get": "list"})),
    path(f"{RUN}/logged-models", LoggedModels.as_view({"get": "list"})),
    path(f"{RUN}/logs", Logs.as_view({"get": "list", "post": "append"})),
    path(f"{RUN}/logs/<path:stream>", Logs.as_view({"get": "read"})),
    path(f"{RUN}/snapshot", Snapshots.as_view({"post": "attach"})),
    path("snapshots/<str:sha256>", Snapshots.as_view({"get": "download", "put": "upload"})),
    path("snapshots/<str:sha256>/files", Snapshots.as_view({"get": "files"})),
    path("models", Models.as_view({"get": "list", "post": "register"})),
    path(MODEL, Models.as_view({"get": "retrieve", "patch": "partial_update", "delete": "destroy"})),
    path(f"{MODEL}/tags", Models.as_view({"post": "set_tags"})),
    path(f"{MODEL}/tags/remove", Models.as_view({"post": "remove_tags"})),
    path("model-versions", ModelVersions.as_view({"get": "list_versions"})),
    path(
        VERSION,
        ModelVersions.as_view({"get": "retrieve_version", "patch": "change_version", "delete": "delete_version"}),
    ),
    path(f"{VERSION}/tags", ModelVersions.as_view({"post": "set_version_tags"})),
    path(f"{VERSION}/tags/remove", ModelVersions.as_view({"post": "remove_version_tags"})),
    path(f"{VERSION}/properties", ModelVersions.as_view({"post": "add_version_properties"})),
    path(f"{VERSION}/files", ModelVersions.as_view({"get": "files"})),
    path("compute-targets", Targets.as_view({"get": "list", "post": "create"})),
    path(
        "compute-targets/<str:name>",
        Targets.as_view({"get": "retrieve", "patch": "partial_update", "delete": "destroy"}),
    ),
    path("agents", Agents.as_view({"post": "register"})),
    path(f"{AGENT}/heartbeat", Agents.as_view({"post": "heartbeat"})),
    path(f"{AGENT}/claim", Agents.as_view({"post": "claim"})),
    path(f"{AGENT}/goodbye", Agents.as_view({"post": "goodbye"})),
    path(f"{LEASE}/report", Leases.as_view({"post": "report"})),
    path(f"{LEASE}/finish", Leases.as_view({"post": "finish"})),
    path(f"{LEASE}/release", Leases.as_view({"post": "release"})),
    path("schema/", reference.schema, name="api-schema"),
    path("docs/", reference.page, name="api-reference"),
    re_path(r"", unknown_path),
]
