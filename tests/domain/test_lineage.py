"""The tree that a run stands in."""

from runs import lifecycle, lineage
from runs.models import Status
from tests import factories


def _chain(experiment, length):
    runs = [factories.make_run(experiment)]
    for _ in range(length - 1):
        runs.append(factories.make_run(experiment, parent=runs[-1]))
    return runs


def test_a_top_run_has_nothing_above_it(running):
    assert lineage.ancestors(running) == []


def test_ancestors_are_named_from_the_top_down(experiment):
    top, middle, bottom = _chain(experiment, 3)

    assert lineage.ancestors(middle) == [top]
    assert lineage.ancestors(bottom) == [top, middle]


def test_of_many_ancestors_the_top_and_the_nearest_are_named(experiment):
    runs = _chain(experiment, 8)

    assert lineage.ancestors(runs[-1]) == [runs[0], *runs[4:7]]


def test_neighbours_are_the_siblings_made_just_before_and_after(running):
    first, second, third = (factories.make_run(running.experiment, parent=running) for _ in range(3))

    assert lineage.neighbours(second) == (first, third)
    assert lineage.neighbours(first) == (None, second)
    assert lineage.neighbours(running) == (None, None)


def test_child_runs_are_counted_by_status_without_archived_and_deeper_ones(running):
    child = factories.make_run(running.experiment, parent=running, status=Status.COMPLETED)
    factories.make_run(running.experiment, parent=child, status=Status.FAILED)
    lifecycle.archive(factories.make_run(running.experiment, parent=running, status=Status.CANCELED))

    assert lineage.counts(running) == {Status.COMPLETED: 1}
    assert lineage.child_counts([running, child]) == {running.pk: 1, child.pk: 1}


def test_live_runs_below_are_found_at_any_depth_and_from_the_middle(experiment):
    top, middle, bottom = _chain(experiment, 3)
    lifecycle.complete(factories.make_run(experiment, parent=middle))

    assert list(lineage.live_below(top)) == [middle, bottom]
    assert list(lineage.live_below(middle)) == [bottom]


def test_canceling_all_asks_every_live_run_of_the_tree_and_no_other(experiment, alice):
    top, middle, bottom = _chain(experiment, 3)
    beside = factories.make_run(experiment)
    done = factories.make_run(experiment, parent=top, status=Status.COMPLETED)

    asked = lineage.cancel_all(top, by=alice)

    for run in (top, middle, bottom, beside, done):
        run.refresh_from_db()
    assert asked == 3
    assert {top.status, middle.status, bottom.status} == {Status.CANCELED}
    assert beside.status == Status.RUNNING
    assert done.status == Status.COMPLETED
