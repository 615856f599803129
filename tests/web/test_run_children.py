"""The tab Child runs: a tree, a page at a time."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from runs import lifecycle
from runs.models import Run, Status
from tests import factories


def address(run: Run) -> str:
    return reverse("run-children", args=[run.workspace.name, run.run_id])


@pytest.fixture
def signed_in(client, alice):
    client.force_login(alice)
    return client


def test_a_run_without_child_runs_says_what_would_be_here(signed_in, running):
    assert "No child runs" in signed_in.get(address(running)).text


def test_child_runs_have_statuses_of_their_own_and_are_counted_by_them(signed_in, running):
    factories.make_run(running.experiment, parent=running, display_name="fold-0", status=Status.COMPLETED)
    factories.make_run(running.experiment, parent=running, display_name="fold-1", status=Status.FAILED)
    factories.make_run(running.experiment, parent=running, display_name="fold-2", status=Status.COMPLETED)

    text = signed_in.get(address(running)).text

    assert "3 child runs" in text
    assert "2 completed" in text
    assert "1 failed" in text
    for name in ("fold-0", "fold-1", "fold-2"):
        assert name in text


def test_the_list_is_narrowed_to_a_status(signed_in, running):
    factories.make_run(running.experiment, parent=running, display_name="fold-0", status=Status.COMPLETED)
    factories.make_run(running.experiment, parent=running, display_name="fold-1", status=Status.FAILED)

    text = signed_in.get(address(running), {"status": "Failed"}).text

    assert "fold-1" in text
    assert "fold-0" not in text
    assert "1 completed" in text


def test_runs_further_below_are_shown_when_a_branch_is_unfolded(signed_in, running):
    child = factories.make_run(running.experiment, parent=running, display_name="fold-0")
    factories.make_run(running.experiment, parent=child, display_name="deep down")

    folded = signed_in.get(address(running)).text
    unfolded = signed_in.get(address(running), {"open": child.run_id}).text

    assert "deep down" not in folded
    assert f"open={child.run_id}" in folded
    assert "deep down" in unfolded
    assert 'aria-expanded="true"' in unfolded


def test_an_unfolded_branch_shows_six_and_says_how_many_more_there_are(signed_in, running):
    child = factories.make_run(running.experiment, parent=running)
    specs = [{"display_name": f"trial-{number}"} for number in range(13)]
    lifecycle.create_many(running.experiment, by=None, parent=child, specs=specs)

    text = signed_in.get(address(running), {"open": child.run_id}).text

    assert "trial-5" in text
    assert "trial-6" not in text
    assert "7 more child runs" in text


def test_many_child_runs_are_paged(signed_in, running):
    specs = [{"display_name": f"trial-{number:03}"} for number in range(60)]
    lifecycle.create_many(running.experiment, by=None, parent=running, specs=specs)

    first = signed_in.get(address(running)).text
    older = first.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
    second = signed_in.get(
        f"{address(running)}{older}", headers={"HX-Request": "true", "HX-Target": "div#run-children"}
    ).text

    assert "trial-049" in first
    assert "trial-050" not in first
    assert "trial-059" in second
    assert "trial-049" not in second
    assert "<html" not in second


def test_the_tree_asks_again_only_while_something_in_it_is_live(signed_in, ended):
    child = factories.make_run(ended.experiment, parent=ended)
    live = signed_in.get(address(ended)).text
    lifecycle.complete(child)

    assert "every 4s" in live
    assert "every " not in signed_in.get(address(ended)).text


def test_the_page_costs_as_much_for_fifty_child_runs_as_for_two(signed_in, running, django_assert_max_num_queries):
    _make_children(running, 2)
    with CaptureQueriesContext(connection) as few:
        signed_in.get(address(running))
    _make_children(running, 48)

    with django_assert_max_num_queries(len(few)):
        signed_in.get(address(running))


def _make_children(parent: Run, count: int) -> None:
    lifecycle.create_many(parent.experiment, by=parent.submitted_by, parent=parent, specs=[{}] * count)


@pytest.mark.parametrize("asked", [{"status": "nope"}, {"sort": "nope"}, {"open": ["x", "y"]}])
def test_an_address_typed_wrongly_is_read_as_far_as_it_makes_sense(signed_in, running, asked):
    factories.make_run(running.experiment, parent=running)

    assert signed_in.get(address(running), asked).status_code == 200
