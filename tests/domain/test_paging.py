import pytest

from runs import lifecycle
from runs.errors import Invalid
from runs.models import Run, Status
from runs.search import paging, query
from tests import factories


@pytest.fixture
def many(experiment):
    """Seven runs: three ended, with equal names among them."""
    runs = [factories.make_run(experiment, display_name=f"name {n % 3}") for n in range(7)]
    for run in runs[1:4]:
        lifecycle.complete(run)
    return runs


@pytest.mark.parametrize("sort", ["-created", "created", "name", "-name", "ended", "-ended", "-duration", "status"])
def test_walking_forward_and_back_meets_every_run_once_and_in_one_order(many, sort):
    whole = paging.page(Run.objects.all(), sort=sort, size=100).rows
    forward, cursor = [], None
    while True:
        page = paging.page(Run.objects.all(), sort=sort, after=cursor, size=2)
        forward.append([run.pk for run in page.rows])
        if page.older is None:
            break
        cursor = page.older

    back = []
    while page.newer:
        page = paging.page(Run.objects.all(), sort=sort, before=page.newer, size=2)
        back.append([run.pk for run in page.rows])

    assert [pk for pks in forward for pk in pks] == [run.pk for run in whole]
    assert sorted(pk for pks in back for pk in pks) == sorted(pk for pks in forward[:-1] for pk in pks)


def test_runs_without_a_value_come_last_both_ways(many):
    for sort in ("ended", "-ended"):
        rows = paging.page(Run.objects.all(), sort=sort).rows
        assert [run.ended_at is None for run in rows] == [False] * 3 + [True] * 4


@pytest.mark.parametrize("cursor", ["x", "é", "bnVsbA", "W10", "eyJhIjoxfQ"])
def test_a_cursor_from_elsewhere_is_refused(many, cursor):
    with pytest.raises(Invalid):
        paging.page(Run.objects.all(), after=cursor)


def test_a_cursor_of_another_order_is_refused(many):
    cursor = paging.page(Run.objects.all(), sort="name", size=2).older

    with pytest.raises(Invalid):
        paging.page(Run.objects.all(), sort="-name", after=cursor)


def found(workspace, **given) -> set[str]:
    return {run.display_name for run in query.matching(workspace, query.Criteria(**given))}


def test_words_search_names_tags_experiment_submitter_description_and_status(workspace, experiment, alice):
    factories.make_run(experiment, display_name="resnet", tags={"quality": "great"}, description="a *first* try")
    factories.make_run(experiment, display_name="vit", status=Status.FAILED)

    assert found(workspace, words="resn") == {"resnet"}
    assert found(workspace, words="great") == {"resnet"}
    assert found(workspace, words="first try") == {"resnet"}
    assert found(workspace, words="failed") == {"vit"}
    assert found(workspace, words="mnist alice") == {"resnet", "vit"}
    assert found(workspace, words="resnet failed") == set()


def test_tags_must_all_be_there_and_statuses_are_alternatives(workspace, experiment):
    factories.make_run(experiment, display_name="a", tags={"x": "1", "y": None})
    factories.make_run(experiment, display_name="b", tags={"x": "1"}, status=Status.COMPLETED)

    assert found(workspace, tag=["x=1"]) == {"a", "b"}
    assert found(workspace, tag=["x=1", "y"]) == {"a"}
    assert found(workspace, tag=["x=2"]) == set()
    assert found(workspace, status=["completed", "open"]) == {"a", "b"}
    assert found(workspace, status=["open"]) == {"a"}
    with pytest.raises(Invalid):
        found(workspace, status=["Finished"])


def test_trees_are_found_from_the_top_and_from_the_middle(workspace, experiment):
    top = factories.make_run(experiment, display_name="top")
    child = factories.make_run(experiment, display_name="child", parent=top)
    factories.make_run(experiment, display_name="grandchild", parent=child)

    assert found(workspace, top=True) == {"top"}
    assert found(workspace, parent=[top.run_id]) == {"child"}
    assert found(workspace, root=[top.run_id]) == {"child", "grandchild"}
    assert found(workspace, root=[child.run_id]) == {"grandchild"}


def test_archived_runs_are_apart(workspace, experiment):
    lifecycle.archive(factories.make_run(experiment, display_name="old"))
    factories.make_run(experiment, display_name="new")

    assert found(workspace) == {"new"}
    assert found(workspace, archived=True) == {"old"}


def test_another_workspaces_runs_are_never_found(workspace, experiment, charlie):
    elsewhere = factories.make_experiment(charlie.memberships.get().workspace, "secret")
    factories.make_run(elsewhere, display_name="secret")

    assert found(workspace) == set()
    assert found(workspace, experiment=["secret"]) == set()
