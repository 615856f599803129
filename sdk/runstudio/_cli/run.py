"""`studio run`: find, show, change and cancel runs, submit a script, read logs."""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path
from typing import Any

from runstudio._cli import connection, documents, output
from runstudio._cli.output import Answer
from runstudio._cli.usage import Wrong
from runstudio._not_offered import BOARDS, PIPELINES, SEARCH
from runstudio._transport import Transport, path_of
from runstudio.errors import UserErrorException

STATUSES = [
    "NotStarted",
    "Starting",
    "Provisioning",
    "Preparing",
    "Queued",
    "Running",
    "Finalizing",
    "CancelRequested",
    "Completed",
    "Failed",
    "Canceled",
    "NotResponding",
]
LAST = 10

REFUSED = {
    "submit-hyperdrive": f"run submit-hyperdrive is not offered by Run Studio. {SEARCH}",
    "submit-pipeline": f"run submit-pipeline is not offered by Run Studio. {PIPELINES}",
    "monitor-tensorboard": f"run monitor-tensorboard is not offered by Run Studio. {BOARDS}",
}


def add_to(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(metavar="VERB", title="verbs")
    _add_list(verbs)
    show = _verb(verbs, "show", "show a run", _show)
    show.add_argument("-r", "--run", required=True, metavar="ID", help="the run's id")
    update = _verb(verbs, "update", "change a run's tags, name or description", _update)
    update.add_argument("-r", "--run", required=True, metavar="ID", help="the run's id")
    update.add_argument(
        "--add-tag", action="append", default=[], metavar="KEY[=VALUE]", help="add or change a tag; repeatable"
    )
    update.add_argument("--remove-tag", action="append", default=[], metavar="KEY", help="remove a tag; repeatable")
    update.add_argument("--display-name", metavar="NAME", help="give it another name")
    update.add_argument("--description", metavar="TEXT", help="describe it, in Markdown")
    cancel = _verb(verbs, "cancel", "cancel a run", _cancel)
    cancel.add_argument("-r", "--run", required=True, metavar="ID", help="the run's id")
    cancel.add_argument(
        "--grace", type=int, metavar="SECONDS", help="between the stop signal and the kill (the run's own)"
    )
    monitor = _verb(verbs, "monitor-logs", "follow a run's log to its end", _monitor)
    monitor.add_argument("-r", "--run", required=True, metavar="ID", help="the run's id")
    download = _verb(verbs, "download-logs", "store a run's logs in a folder", _download)
    download.add_argument("-r", "--run", required=True, metavar="ID", help="the run's id")
    download.add_argument("-d", "--output-dir", required=True, metavar="FOLDER", type=Path, help="made when missing")
    _add_submit(verbs)


def _verb(verbs: Any, name: str, purpose: str, do: Any, **more: Any) -> argparse.ArgumentParser:
    parser = verbs.add_parser(name, help=purpose, description=f"{purpose.capitalize()}.", **more)
    parser.set_defaults(do=do)
    parser.add_argument("-e", "--experiment-name", metavar="NAME", default="", help="the experiment")
    connection.add_flags(parser)
    output.add_flags(parser)
    return parser


def _add_list(verbs: Any) -> None:
    parser = _verb(verbs, "list", "list runs, the newest first", _list)
    parser.add_argument("--last", type=int, default=LAST, metavar="N", help=f"how many at most ({LAST})")
    parser.add_argument(
        "--status", action="append", choices=STATUSES, metavar="STATUS", help="those in a status; repeatable"
    )
    parser.add_argument(
        "--tags", action="append", metavar="KEY[=VALUE]", help="those with a tag; repeated: with all of them"
    )
    parser.add_argument("--properties", action="append", metavar="KEY[=VALUE]", help="those with a property; as --tags")
    parser.add_argument("--parent-run-id", metavar="ID", help="the children of a run")
    parser.add_argument("--compute-target-name", metavar="NAME", help="those of a compute target")
    parser.add_argument("--search", metavar="WORDS", help="words in name, description, experiment, submitter, tags")
    parser.add_argument("--pipeline-run-id", metavar="ID", help=argparse.SUPPRESS)
    parser.add_argument("--minimal", action="store_true", help="only id, type, status, times, target, tags")


def _add_submit(verbs: Any) -> None:
    parser = _verb(verbs, "submit-script", "run a script on a compute target", _submit)
    parser.usage = f"{parser.prog} [flags] SCRIPT [ARGUMENT ...]"
    parser.add_argument("-c", "--run-configuration-name", metavar="NAME", help="settings from .azureml/NAME")
    parser.add_argument("--target", "--ct", metavar="NAME", help="the compute target (the configuration's, else local)")
    parser.add_argument("--source-directory", metavar="FOLDER", help="the folder that is sent along (that of --path)")
    parser.add_argument("--python", metavar="PATH", default="", help="the interpreter, on the target")
    parser.add_argument("--display-name", metavar="NAME", help="the run's name")
    parser.add_argument("--tags", action="append", metavar="KEY[=VALUE]", help="a tag of the run; repeatable")
    parser.add_argument("--async", dest="is_async", action="store_true", help="do not wait for the end")
    parser.add_argument("-d", "--conda-dependencies", metavar="FILE", help="run it in an environment built from a file")
    parser.add_argument("script_and_arguments", nargs=argparse.REMAINDER, metavar="SCRIPT [ARGUMENT ...]")


# The verbs


def _list(options: argparse.Namespace) -> Answer:
    if options.last < 1:
        raise Wrong("--last is at least 1.")
    if options.pipeline_run_id:
        raise UserErrorException(f"--pipeline-run-id is not offered by Run Studio. {PIPELINES}")
    transport = connection.open_for(options)
    params = {
        "experiment": connection.experiment_of(options) or None,
        "status": options.status,
        "tag": options.tags,
        "property": options.properties,
        "parent": options.parent_run_id,
        "top": None if options.parent_run_id else True,
        "target": options.compute_target_name,
        "search": options.search,
        "sort": "-created",
    }
    found = transport.pages("/runs", params, limit=min(options.last, 200))
    runs = list(itertools.islice(found, options.last))
    if options.minimal:
        return Answer([documents.run_in_short(run) for run in runs])
    return Answer([documents.run(run) for run in runs], table=documents.run_rows)


def _show(options: argparse.Namespace) -> Answer:
    return _shown(_find(connection.open_for(options), options))


def _update(options: argparse.Namespace) -> Answer:
    tags = tags_of(options.add_tag)
    changes = {"display_name": options.display_name, "description": options.description}
    changes = {name: value for name, value in changes.items() if value is not None}
    if not (tags or changes or options.remove_tag):
        raise Wrong("Nothing to change: give --add-tag, --remove-tag, --display-name or --description.")
    transport = connection.open_for(options)
    run = _find(transport, options)
    path = path_of("runs", run["run_id"])
    if tags:
        run = transport.post(f"{path}/tags", {"tags": tags})
    if options.remove_tag:
        run = transport.post(f"{path}/tags/remove", {"keys": options.remove_tag})
    if changes:
        run = transport.patch(path, changes)
    return Answer(documents.record(run), table=lambda _: documents.run_rows(documents.run(run)))


def _cancel(options: argparse.Namespace) -> Answer:
    transport = connection.open_for(options)
    run = _find(transport, options)
    asked = {} if options.grace is None else {"grace_s": options.grace}
    run = transport.post(path_of("runs", run["run_id"], "cancel"), asked)
    if run["status"] == "Canceled":
        return Answer("Experiment run canceled successfully.")
    return Answer(f"Cancel of {run['run_id']} requested; it is {run['status']} until its processes have gone.")


def _monitor(options: argparse.Namespace) -> Answer:
    run = _find(connection.open_for(options), options)
    return _followed(options, run["run_id"])


def _download(options: argparse.Namespace) -> Answer:
    from runstudio._download import download  # for this verb alone

    transport = connection.open_for(options)
    run = _find(transport, options)
    base = path_of("runs", run["run_id"])
    names = {stream["name"]: f"{base}{path_of('logs', stream['name'])}" for stream in transport.pages(f"{base}/logs")}
    for file in transport.pages(f"{base}/artifacts", {"prefix": "logs/"}):
        names[file["path"]] = f"{base}{path_of('artifacts', file['path'])}"
    stored = []
    for name, address in sorted(names.items()):
        target = _below(options.output_dir, name)
        download(transport, address, target)
        stored.append(str(target))
    return Answer(stored)


def _submit(options: argparse.Namespace) -> Answer:
    from runstudio._cli.submitting import submit  # reads folders and configurations; no other verb does

    run = submit(options, tags_of(options.tags or []))
    if options.is_async:
        return _shown(_find(connection.open_for(options), argparse.Namespace(run=run.id, experiment_name="")))
    return _followed(options, run.id)


# What several of them do


def _find(transport: Transport, options: argparse.Namespace) -> dict[str, Any]:
    """The run that -r names; refused when -e names another experiment than its own."""
    run = transport.get(path_of("runs", options.run))
    if options.experiment_name and run["experiment"] != options.experiment_name:
        raise UserErrorException(
            f"Run {options.run} is in experiment {run['experiment']}, not in {options.experiment_name}."
        )
    return run


def _shown(run: dict[str, Any]) -> Answer:
    return Answer(documents.run(run), table=documents.run_rows)


def _followed(options: argparse.Namespace, run_id: str) -> Answer:
    """The log to its end, then the run; a failed run fails the command."""
    from runstudio._cli.submitting import follow  # loads most of the SDK

    run = follow(connection.open_for(options), run_id)
    answer = _shown(run)
    if run["status"] == "Failed":
        answer.error = f"Run {run_id} failed: {(run.get('error') or {}).get('message') or 'no reason is known'}"
    return answer


def _below(folder: Path, name: str) -> Path:
    parts = name.split("/")
    if name.startswith("/") or "\\" in name or any(part in ("", ".", "..") for part in parts):
        raise UserErrorException(f"The server names a log {name!r}, which is no path below a folder.")
    return folder.joinpath(*parts)


def tags_of(written: list[str]) -> dict[str, str | None]:
    """
    Tags as typed: `key=value`, of which the first = divides, or a bare `key`.

    Raises:
        Wrong: one has no key.
    """
    tags: dict[str, str | None] = {}
    for each in written:
        key, divider, value = each.partition("=")
        if not key:
            raise Wrong(f"{each!r} is no tag. Write key=value, or a key alone.")
        tags[key] = value if divider else None
    return tags
