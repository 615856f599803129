"""The tab Events: who did what, and when."""

import pytest
from django.urls import reverse

from runs import lifecycle, records
from runs.models import Event, Run
from tests import factories


def address(run: Run) -> str:
    return reverse("run-events", args=[run.workspace.name, run.run_id])


@pytest.fixture
def signed_in(client, alice):
    client.force_login(alice)
    return client


def test_events_say_what_happened_who_did_it_and_when_the_newest_first(signed_in, bob, running):
    records.set_tags(running, {"quality": "good"}, by=bob)
    records.add_properties(running, {"author": "mina"}, by=bob)
    lifecycle.rename(running, "second", by=bob)
    lifecycle.describe(running, "text", by=bob)
    lifecycle.complete(running, source="agent gpu-box")

    text = signed_in.get(address(running)).text

    table = text.split("<tbody>")[1]
    places = [table.index(word) for word in ("<b>Completed</b>", "edited", "second", "set, cannot change", "quality")]
    assert places == sorted(places)
    assert "agent gpu-box" in table
    assert "bob" in table
    assert "<time datetime=" in table
    assert "Time, UTC" in text


def test_every_kind_of_event_has_words(signed_in, alice, running):
    lifecycle.archive(running)
    lifecycle.restore(running)
    records.remove_tags(records.set_tags(running, {"a": None}), ["a"])
    records.log_parameters(running, {"lr": 0.1})
    lifecycle.cancel(running, by=alice)
    for step in ("cancel.seen", "cancel.signal_sent", "cancel.killed", "cancel.verified"):
        lifecycle.receipt(running, step, detail={"pid": 4711})
    Event.objects.create(run=running, kind="something.new", note="from a later version")

    text = signed_in.get(address(running)).text

    for words in (
        "archived",
        "brought back",
        "removed",
        "lr",
        "Cancel requested",
        "Verified gone",
        "pid 4711",
        "something.new",
    ):
        assert words in text


@pytest.mark.parametrize(("kind", "shown"), [("status", "Running"), ("edits", "quality")])
def test_events_are_narrowed_by_kind(signed_in, running, kind, shown):
    records.set_tags(running, {"quality": "good"})

    table = signed_in.get(address(running), {"kind": kind}).text.split("<tbody>")[1]

    assert shown in table
    assert ({"Running", "quality"} - {shown}).pop() not in table.split("</tbody>")[0]


def test_older_events_are_on_the_next_page(signed_in, running):
    Event.objects.bulk_create(Event(run=running, kind="test", note=f"note {number:03}") for number in range(150))

    first = signed_in.get(address(running)).text
    older = first.split('href="?before=')[1].split('"')[0]
    second = signed_in.get(address(running), {"before": older}).text

    assert "note 149" in first
    assert "note 049" not in first
    assert "note 049" in second
    assert "note 050" not in second
    assert "every " not in second.split('id="run-events"')[1]


def test_nothing_on_the_page_can_be_changed(signed_in, running):
    assert "<form" not in signed_in.get(address(running)).text.split('id="run-events"')[1].split("</main>")[0]


def test_the_page_costs_as_much_for_a_hundred_events_as_for_one(signed_in, bob, running, django_assert_max_num_queries):
    signed_in.get(address(running))
    Event.objects.bulk_create(Event(run=running, kind="test", actor=bob) for _ in range(90))

    with django_assert_max_num_queries(14):
        signed_in.get(address(running))


@pytest.mark.parametrize("asked", [{"kind": "nope"}, {"before": "x"}, {"before": "9" * 30}])
def test_an_address_typed_wrongly_is_read_as_far_as_it_makes_sense(signed_in, asked):
    run = factories.make_run()

    assert signed_in.get(address(run), asked).status_code == 200
