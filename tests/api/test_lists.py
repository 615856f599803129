"""Lists: pages by key, filters, and a cost that does not grow with the rows."""

import base64
import itertools
import json

import pytest
from django.core.files.base import ContentFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from runs import artifacts, experiments, lifecycle, logs, queue, records, registry, tables
from runs.models import Status
from tests import factories


def pages(client, path: str, size: int) -> list[list[dict]]:
    """All pages of a list, by following `next`."""
    found = []
    mark = "&" if "?" in path else "?"
    address = f"{path}{mark}limit={size}"
    while True:
        answer = client.send("GET", address)
        assert answer.status_code == 200, answer.content
        assert answer.json().keys() == {"items", "next"}
        found.append(answer.json()["items"])
        if answer.json()["next"] is None:
            return found
        address = f"{path}{mark}limit={size}&after={answer.json()['next']}"


def fill(workspace, count: int) -> None:
    """`count` rows more for every list: runs with relations and records, experiments, targets, tokens, files, logs."""
    alice = factories.make_user("alice")
    experiment = factories.make_experiment(workspace)
    top, _ = lifecycle.create(experiment, by=alice, run_id="top")
    number = experiment.runs.count()
    for n in range(number, number + count):
        run = factories.make_run(experiment, parent=top, run_id=f"child-{n:03}", tags={"n": n}, parameters={"lr": n})
        grandchild = factories.make_run(experiment, parent=run, run_id=f"below-{n:03}")
        lifecycle.complete(grandchild)
        experiments.get_or_create(workspace, f"experiment-{n:03}", by=alice)
        factories.make_token(alice)
        factories.make_member(workspace, f"member-{n:03}", "reader")
        target = queue.get_or_create_target(workspace, f"target-{n:03}")
        queue.register(target, agent_id=f"agent-{n:03}", name="a", by=alice)
        artifacts.put(top, f"outputs/{n:03}.txt", stream=ContentFile(b"x"), size_bytes=1, sha256=None)
        logs.append(top, f"logs/{n:03}.txt", offset=0, data=b"x\n")
        records.set_tags(top, {f"tag-{n}": n})
        tables.append(top, [tables.Entry(f"table-{n:03}", [{"n": n}])])
        artifacts.put(run, "model.bin", stream=ContentFile(b"x"), size_bytes=1, sha256=None)
        registry.register(workspace, f"model-{n:03}", run=run, path="model.bin", by=alice)
        registry.register(workspace, "several", run=top, path=f"outputs/{n:03}.txt", by=alice)
        registry.register(workspace, "whole", run=top, path="outputs", by=alice)


LISTS = {
    "/runs": "run_id",
    "/runs?sort=name": "run_id",
    "/runs?sort=-duration": "run_id",
    "/runs?sort=status": "run_id",
    "/runs?sort=metric:loss": "run_id",
    "/runs?search=child": "run_id",
    "/runs/top/children": "run_id",
    "/runs/top/children?recursive=true": "run_id",
    "/runs/top/events": "id",
    "/runs/top/artifacts": "path",
    "/runs/top/logs": "name",
    "/runs/top/tables": "name",
    "/experiments": "name",
    "/tokens": "id",
    "/workspaces/default/members": "username",
    "/compute-targets": "name",
    "/models": "name",
    "/model-versions?model=several": "version",
    "/model-versions?latest=true": "model",
    "/models/whole/versions/1/files": "path",
}


def test_pages_hold_every_row_once(api, workspace):
    fill(workspace, 4)
    for path, key in LISTS.items():
        whole = [row[key] for row in api.send("GET", path).json()["items"]]
        by_pages = pages(api, path, 2)

        assert len(whole) == len(set(whole)) >= 4, path
        assert [row[key] for row in itertools.chain.from_iterable(by_pages)] == whole, path
        assert all(len(page) == 2 for page in by_pages[:-1]), path


def test_the_queries_of_a_list_do_not_grow_with_its_rows(api, workspace):
    def queries() -> dict[str, list[str]]:
        found = {}
        for path in [*LISTS, "/workspaces"]:
            api.send("GET", path)
            with CaptureQueriesContext(connection) as captured:
                api.send("GET", path)
            found[path] = [query["sql"] for query in captured.captured_queries]
        return found

    fill(workspace, 2)
    few = queries()
    fill(workspace, 5)

    for path, many in queries().items():
        assert len(many) == len(few[path]), (path, many)


def test_a_page_of_runs_is_one_query(api, workspace, django_assert_num_queries):
    fill(workspace, 3)
    api.send("GET", "/runs")

    with django_assert_num_queries(1):
        api.send("GET", "/runs")


def test_rows_that_come_meanwhile_neither_repeat_nor_hide_others(api, experiment):
    for n in range(4):
        factories.make_run(experiment, run_id=f"run-{n}")
    first = api.send("GET", "/runs?limit=2").json()

    factories.make_run(experiment, run_id="new")
    second = api.send("GET", f"/runs?limit=2&after={first['next']}").json()

    assert [row["run_id"] for row in first["items"] + second["items"]] == ["run-3", "run-2", "run-1", "run-0"]
    assert second["next"] is None


@pytest.mark.parametrize("sort", ["created", "-created", "started", "name", "status", "-metric:loss"])
def test_a_cursor_of_another_list_is_refused(sort, api, experiment):
    for _ in range(3):
        factories.make_run(experiment)
    cursor = api.send("GET", "/runs?limit=1&sort=ended").json()["next"]

    answer = api.send("GET", f"/runs?sort={sort}&after={cursor}")

    assert answer.status_code == 400
    assert answer.json()["field"] == "after"


SORTS = [
    "created",
    "started",
    "ended",
    "duration",
    "name",
    "status",
    "experiment",
    "submitter",
    "target",
    "metric:loss",
]
FORGED = [None, True, -1, 1.5, 2**70, "text", "\0", "\ud800", [], {}, {"at": "no time"}, {"at": 5}, {"at": "2026-01-01"},
    {"us": "x"}, {"us": 10**30}, {"at": "0001-01-01T00:00:00+14:00"}]  # fmt: skip


@pytest.mark.thorough
@pytest.mark.parametrize("sort", SORTS)
def test_a_forged_cursor_never_breaks_the_server(sort, api, experiment):
    factories.make_run(experiment)
    for value, key in [*((value, 1) for value in FORGED), *((None, key) for key in (True, -1, "1", 2**63, None))]:
        written = json.dumps([sort, value, key]).encode()
        cursor = base64.urlsafe_b64encode(written).decode().rstrip("=")

        assert api.send("GET", f"/runs?sort={sort}&after={cursor}").status_code in (200, 400), written


# Filters


@pytest.fixture
def zoo(api, alice, bob, workspace):
    """Runs that differ in everything that a filter asks."""
    mnist, other = factories.make_experiment(name="mnist"), factories.make_experiment(name="other")
    top = factories.make_run(mnist, run_id="top", tags={"team": "vision"}, display_name="Falcon")
    child = factories.make_run(mnist, run_id="child", parent=top, run_type="hyperdrive", properties={"commit": "4f"})
    factories.make_run(mnist, run_id="grandchild", parent=child, tags={"team": "speech", "best": None})
    factories.make_run(other, run_id="bobs", by=bob, status=Status.COMPLETED)
    lifecycle.archive(factories.make_run(other, run_id="old"))
    api.send("POST", "/runs/submit", {"experiment": "other", "command": "true", "target": "gpu", "run_id": "job"})
    return api


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", "bobs child grandchild job top"),
        ("top=true", "bobs job top"),
        ("top=false", "bobs child grandchild job top"),
        ("archived=true", "old"),
        ("status=Completed", "bobs"),
        ("status=Completed&status=queued", "bobs job"),
        ("status=open", "child grandchild job top"),
        ("experiment=other", "bobs job"),
        ("experiment=other&experiment=mnist", "bobs child grandchild job top"),
        ("experiment=nothing", ""),
        ("tag=team", "grandchild top"),
        ("tag=team=vision", "top"),
        ("tag=team&tag=best", "grandchild"),
        ("tag=team=", ""),
        ("property=commit", "child"),
        ("property=commit=4f", "child"),
        ("property=commit=4f&property=other", ""),
        ("submitter=bob", "bobs"),
        ("target=gpu", "job"),
        ("parent=top", "child"),
        ("root=top", "child grandchild"),
        ("root=child", "grandchild"),
        ("run_type=hyperdrive", "child"),
        ("search=falcon", "top"),
        ("search=vision+falc", "top"),
        ("search=%25", ""),
        ("search=falcon&status=Completed", ""),
    ],
)
def test_filters_narrow_the_list(query, found, zoo):
    rows = zoo.send("GET", f"/runs?{query}").json()["items"]

    assert sorted(row["run_id"] for row in rows) == found.split()


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", "child"),
        ("recursive=true", "child grandchild"),
        ("recursive=true&tag=team", "grandchild"),
        ("tag=team", ""),
    ],
)
def test_children_take_the_same_filters(query, found, zoo):
    rows = zoo.send("GET", f"/runs/top/children?{query}").json()["items"]

    assert sorted(row["run_id"] for row in rows) == found.split()


def test_experiments_are_listed_active_archived_or_all(api, workspace):
    for name in ("first", "second"):
        api.send("POST", "/experiments", {"name": name})
    api.send("POST", "/experiments/first/archive")

    names = {
        archived: [row["name"] for row in api.send("GET", f"/experiments?archived={archived}").json()["items"]]
        for archived in ("false", "true", "all")
    }

    assert names == {"false": ["second"], "true": ["first"], "all": ["second", "first"]}
    assert [row["name"] for row in api.send("GET", "/experiments?search=SEC").json()["items"]] == ["second"]
