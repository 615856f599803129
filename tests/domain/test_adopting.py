"""Moving runs within trees, and out of them."""

import pytest

from runs import lifecycle, limits, lineage
from runs.errors import Invalid
from runs.models import Event, Run
from tests import factories


@pytest.fixture
def family(experiment) -> dict[str, Run]:
    """top > middle > leaf, and `other` apart from them."""
    top = factories.make_run(experiment, display_name="top")
    middle = factories.make_run(experiment, display_name="middle", parent=top)
    leaf = factories.make_run(experiment, display_name="leaf", parent=middle)
    return {"top": top, "middle": middle, "leaf": leaf, "other": factories.make_run(experiment, display_name="other")}


def place(run: Run) -> tuple[int | None, int | None, int]:
    row = Run.objects.get(pk=run.pk)
    return row.parent_id, row.root_id, row.depth


def test_a_run_becomes_the_child_of_another(family):
    told = lifecycle.adopt(family["other"], family["top"])

    expected = (family["top"].pk, family["top"].pk, 1)
    assert place(family["other"]) == expected
    assert (told.parent_id, told.root_id, told.depth) == expected


def test_what_is_below_a_run_moves_with_it(family):
    lifecycle.adopt(family["top"], family["other"])

    other, top, middle, leaf = (family[name] for name in ("other", "top", "middle", "leaf"))
    assert place(top) == (other.pk, other.pk, 1)
    assert place(middle) == (top.pk, other.pk, 2)
    assert place(leaf) == (middle.pk, other.pk, 3)
    assert [run.pk for run in lineage.ancestors(Run.objects.get(pk=leaf.pk))] == [other.pk, top.pk, middle.pk]


def test_a_run_without_a_parent_is_the_top_of_a_tree_of_its_own(family):
    lifecycle.adopt(family["middle"], None)

    assert place(family["middle"]) == (None, None, 0)
    assert place(family["leaf"]) == (family["middle"].pk, family["middle"].pk, 1)
    assert place(family["top"]) == (None, None, 0)


def test_a_run_moves_up_within_its_own_tree(family):
    lifecycle.adopt(family["leaf"], family["top"])

    assert place(family["leaf"]) == (family["top"].pk, family["top"].pk, 1)


@pytest.mark.parametrize("parent", ["top", "middle", "leaf"])
def test_no_run_stands_below_itself(family, parent):
    before = place(family["top"])

    with pytest.raises(Invalid, match="cannot be its parent") as refused:
        lifecycle.adopt(family["top"], family[parent])

    assert refused.value.field == "parent"
    assert place(family["top"]) == before


def test_a_tree_that_would_be_too_deep_is_refused_and_nothing_moves(experiment, family):
    deepest = factories.make_run(experiment)
    for _ in range(limits.TREE_DEPTH - 2):
        deepest = factories.make_run(experiment, parent=deepest)
    before = {name: place(run) for name, run in family.items()}

    with pytest.raises(Invalid, match=f"up to {limits.TREE_DEPTH} deep"):
        lifecycle.adopt(family["top"], deepest)

    assert {name: place(run) for name, run in family.items()} == before
    lifecycle.adopt(family["middle"], deepest)  # one level less fits
    assert place(family["leaf"])[2] == limits.TREE_DEPTH


def test_the_move_is_an_event_that_names_the_new_parent(family, alice):
    lifecycle.adopt(family["leaf"], family["other"], by=alice)
    lifecycle.adopt(family["leaf"], None, by=alice)

    events = Event.objects.filter(run=family["leaf"], kind="parent.changed").order_by("pk")
    assert [(event.actor, event.detail) for event in events] == [
        (alice, {"parent": family["other"].run_id}),
        (alice, {"parent": None}),
    ]


def test_naming_the_parent_that_a_run_has_already_changes_nothing(family):
    lifecycle.adopt(family["middle"], family["top"])
    lifecycle.adopt(family["top"], None)

    assert not Event.objects.filter(kind="parent.changed").exists()
