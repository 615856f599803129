"""A run's page: its head, the tab Details, and what a person may change."""

from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from runs import artifacts, experiments, lifecycle, logs, queue, records, registry, submission
from runs.models import Event, Kind, Lease, Run, Status
from tests import factories


def address(name: str, run: Run, *more: str) -> str:
    return reverse(name, args=[run.workspace.name, run.run_id, *more])


def part(name: str) -> dict[str, str]:
    """What htmx 4 sends for the element of that id."""
    return {"HX-Request": "true", "HX-Target": f"section#{name}"}


@pytest.fixture
def signed_in(client, alice):
    client.force_login(alice)
    return client


TABS = ["run", "run-metrics", "run-children", "run-logs", "run-events"]


# Who may


@pytest.mark.parametrize("tab", TABS)
def test_a_visitor_is_sent_to_the_sign_in_page_and_back(client, running, tab):
    reply = client.get(address(tab, running))

    assert reply.status_code == 302
    assert reply.url == f"/sign-in?next={address(tab, running)}"


@pytest.mark.parametrize("tab", [*TABS, "run-series", "run-log-lines", "run-files-zip", "run-values-csv"])
def test_a_stranger_learns_nothing_of_a_run(client, charlie, running, tab):
    client.force_login(charlie)

    reply = client.get(address(tab, running))

    assert reply.status_code == 404
    assert running.display_name not in reply.text


@pytest.mark.parametrize("tab", TABS)
def test_a_reader_sees_every_tab_and_nothing_to_change(client, reader, running, tab):
    client.force_login(reader)

    reply = client.get(address(tab, running))

    assert reply.status_code == 200
    assert running.display_name in reply.text
    for action in ("run-name", "run-tags", "run-description", "run-cancel", "run-archive"):
        assert address(action, running) not in reply.text


@pytest.mark.parametrize(
    ("action", "sent"),
    [
        ("run-name", {"display_name": "mine"}),
        ("run-tags", {"key": "mine"}),
        ("run-description", {"description": "mine"}),
        ("run-cancel", {"runs": "one"}),
        ("run-archive", {}),
        ("run-restore", {}),
    ],
)
def test_a_reader_changes_nothing(client, reader, running, action, sent):
    client.force_login(reader)
    before = Event.objects.count()

    reply = client.post(address(action, running), sent)

    assert reply.status_code == 403
    assert Event.objects.count() == before


def test_a_run_of_another_workspace_is_not_found_under_this_one(signed_in, running):
    reply = signed_in.get(reverse("run", args=["elsewhere", running.run_id]))

    assert reply.status_code == 404


# Whole pages and parts


def test_the_head_of_a_live_run_asks_again_every_two_seconds(signed_in, running):
    reply = signed_in.get(address("run", running), headers=part("run-head"))

    assert 'id="run-head"' in reply.text
    assert 'hx-trigger="every 2s"' in reply.text
    assert "<html" not in reply.text
    assert "HX-Target" in reply["Vary"]


def test_polling_stops_by_itself_when_the_run_has_ended(signed_in, ended):
    whole = signed_in.get(address("run", ended))
    head = signed_in.get(address("run", ended), headers=part("run-head"))

    assert "every " not in whole.text
    assert "every " not in head.text


@pytest.mark.parametrize("name", ["run-head", "run-description", "run-summary", "run-tags"])
def test_a_part_is_the_same_in_the_whole_page(signed_in, running, name):
    whole = signed_in.get(address("run", running)).text
    alone = signed_in.get(address("run", running), headers=part(name)).text

    assert f'id="{name}"' in whole
    assert f'id="{name}"' in alone
    assert "<html" not in alone


def test_a_head_that_is_asked_for_often_costs_little(signed_in, running, django_assert_max_num_queries):
    signed_in.get(address("run", running))

    with django_assert_max_num_queries(9):
        signed_in.get(address("run", running), headers=part("run-head"))


def test_the_page_costs_as_much_for_many_events_tags_and_children_as_for_one(
    signed_in, running, django_assert_max_num_queries
):
    factories.make_run(running.experiment, parent=running)
    with CaptureQueriesContext(connection) as few:
        signed_in.get(address("run", running))
    for number in range(15):
        records.set_tags(running, {f"tag{number}": number})
        factories.make_run(running.experiment, parent=running)

    with django_assert_max_num_queries(len(few)):
        signed_in.get(address("run", running))


# Head


def test_the_way_to_a_run_leads_through_its_parents(signed_in, running):
    child = factories.make_run(running.experiment, parent=running)
    grandchild = factories.make_run(running.experiment, parent=child)

    crumbs = signed_in.get(address("run", grandchild)).text.split('aria-label="Breadcrumb"')[1].split("</nav>")[0]

    places = [
        crumbs.index(name) for name in ("mnist", running.display_name, child.display_name, grandchild.display_name)
    ]
    assert places == sorted(places)


def test_the_timeline_says_how_long_each_status_lasted(signed_in, experiment):
    run = factories.make_run(experiment, status=Status.NOT_STARTED)
    start = timezone.now() - timedelta(hours=2)
    Event.objects.filter(run=run).update(at=start)
    lifecycle.start(run, at=start + timedelta(minutes=3))
    lifecycle.complete(run, at=start + timedelta(minutes=75))

    text = signed_in.get(address("run", run)).text

    assert '<b>Not started</b> <span class="num">3m 00s</span>' in text
    assert '<b>Running</b> <span class="num">1h 12m</span>' in text
    assert "<b>Completed</b>" in text


def test_the_receipts_of_a_cancel_are_shown_and_the_ones_to_come(signed_in, alice, experiment):
    run = factories.make_run(experiment, kind=Kind.SUBMITTED)
    _lease(run)
    lifecycle.cancel(run, by=alice)
    lifecycle.receipt(run, "cancel.seen", source="agent gpu-box")

    text = signed_in.get(address("run", run)).text

    receipts = text.split("Receipts of the cancel")[1].split("</ol>")[0]
    assert "Cancel requested" in receipts
    assert "agent gpu-box" in receipts
    assert receipts.count("data-todo") == 2
    assert "Verified gone" in receipts


def _lease(run: Run) -> None:
    target = queue.get_or_create_target(run.workspace, "local")
    agent = queue.register(
        target,
        agent_id="agent-0001",
        name="gpu-box",
        host="",
        driver="local",
        version="1",
        slots=1,
        by=run.submitted_by,
    )
    Lease.objects.create(run=run, agent=agent, lease_id="l1")


def test_a_name_of_two_hundred_characters_is_shown_whole(signed_in, experiment):
    run = factories.make_run(experiment, display_name="long name " * 20)

    assert ("long name " * 20).strip() in signed_in.get(address("run", run)).text


# Renaming


def test_renaming_leads_back_to_the_page_and_htmx_to_the_head(signed_in, running):
    plain = signed_in.post(address("run-name", running), {"display_name": "first"})
    by_htmx = signed_in.post(
        address("run-name", running), {"display_name": " second "}, headers=part("run-head"), follow=True
    )

    running.refresh_from_db()
    assert plain.status_code == 302
    assert plain.url == address("run", running)
    assert running.display_name == "second"
    assert "second" in by_htmx.text
    assert "<html" not in by_htmx.text


@pytest.mark.parametrize("name", ["", "   ", "n" * 300])
def test_a_name_that_cannot_be_is_refused_with_what_was_typed(signed_in, running, name):
    before = running.display_name

    reply = signed_in.post(address("run-name", running), {"display_name": name}, headers=part("run-head"))

    running.refresh_from_db()
    assert reply.status_code == 422
    assert 'role="alert"' in reply.text
    assert f'value="{name}"' in reply.text
    assert running.display_name == before


def test_the_head_does_not_ask_again_while_somebody_types_a_name(signed_in, running):
    reply = signed_in.get(address("run-name", running), headers=part("run-head"))

    assert 'name="display_name"' in reply.text
    assert "every 2s" not in reply.text


# Tags


def test_a_tag_is_added_with_and_without_a_value(signed_in, alice, running):
    signed_in.post(address("run-tags", running), {"key": "quality", "value": "good"})
    reply = signed_in.post(
        address("run-tags", running), {"key": "look", "value": ""}, headers=part("run-tags"), follow=True
    )

    running.refresh_from_db()
    assert running.tags == {"quality": "good", "look": None}
    assert running.events.filter(kind="tags.changed", actor=alice).count() == 2
    assert "look" in reply.text
    assert "<html" not in reply.text


def test_a_tag_is_removed(signed_in, running):
    records.set_tags(running, {"quality": "good", "look": None})

    reply = signed_in.post(address("run-tags", running), {"remove": "quality"})

    running.refresh_from_db()
    assert reply.status_code == 302
    assert running.tags == {"look": None}


@pytest.mark.parametrize("key", ["", "k" * 300])
def test_a_tag_that_cannot_be_is_refused_with_what_was_typed(signed_in, running, key):
    reply = signed_in.post(address("run-tags", running), {"key": key, "value": "kept"}, headers=part("run-tags"))

    assert reply.status_code == 422
    assert 'value="kept"' in reply.text
    assert 'role="alert"' in reply.text


@pytest.mark.parametrize("tab", ["run", "run-events"])
@pytest.mark.parametrize("key", ["items", "keys", "set", "<b>bold</b>"])
def test_a_tag_may_have_any_name(signed_in, running, key, tab):
    records.set_tags(running, {key: "trap"})

    reply = signed_in.get(address(tab, running))

    assert reply.status_code == 200
    assert "trap" in reply.text
    assert "<b>bold</b>" not in reply.text


def test_lists_show_tags_of_any_name(signed_in, running):
    records.set_tags(running, {"items": "trap"})
    experiments.set_tags(running.experiment, {"items": "trap"})

    for page in ("runs", "experiments"):
        assert "trap" in signed_in.get(reverse(page, args=[running.workspace.name])).text


# Description


def test_the_description_is_saved_and_drawn(signed_in, running):
    reply = signed_in.post(
        address("run-description", running),
        {"description": "Does **mixup** help?\r\n<script>no</script>", "base": ""},
        headers=part("run-description"),
        follow=True,
    )

    running.refresh_from_db()
    assert running.description == "Does **mixup** help?\n<script>no</script>"
    assert "<strong>mixup</strong>" in reply.text
    assert "<script>" not in reply.text


def test_a_preview_saves_nothing(signed_in, running):
    reply = signed_in.post(
        address("run-description", running),
        {"description": "**soon**", "base": "", "preview": "1"},
        headers=part("run-description-preview"),
    )

    running.refresh_from_db()
    assert reply.status_code == 200
    assert "<strong>soon</strong>" in reply.text
    assert running.description == ""


def test_somebody_elses_change_is_shown_beside_ones_own_and_not_overwritten(signed_in, bob, running):
    lifecycle.describe(running, "bob was here", by=bob)

    reply = signed_in.post(
        address("run-description", running),
        {"description": "alice was here", "base": ""},
        headers=part("run-description"),
    )

    running.refresh_from_db()
    assert reply.status_code == 409
    assert "bob was here" in reply.text
    assert "alice was here" in reply.text
    assert running.description == "bob was here"


def test_saving_again_after_a_conflict_keeps_ones_own_text(signed_in, bob, running):
    lifecycle.describe(running, "bob was here", by=bob)

    signed_in.post(address("run-description", running), {"description": "alice was here", "base": "bob was here"})

    running.refresh_from_db()
    assert running.description == "alice was here"


def test_a_description_that_is_too_long_is_refused_and_kept_in_the_field(signed_in, running):
    reply = signed_in.post(address("run-description", running), {"description": "d" * 70_000, "base": ""})

    assert reply.status_code == 422
    assert "d" * 70_000 in reply.text


# Cancel


def test_before_a_cancel_the_page_says_what_will_happen(signed_in, running):
    factories.make_run(running.experiment, parent=running, display_name="fold-0")
    factories.make_run(running.experiment, parent=running, status=Status.COMPLETED, display_name="fold-1")

    whole = signed_in.get(address("run-cancel", running)).text
    dialog = signed_in.get(
        address("run-cancel", running), headers={"HX-Request": "true", "HX-Target": "div#dialog"}
    ).text

    for text in (whole, dialog):
        assert "1 child run below it is live" in text
        assert "fold-0" in text
        assert "fold-1" not in text
        assert "Cancel 1 run" in text
        assert "Cancel 2 runs" in text
        assert "Keep running" in text
    assert "<dialog" in dialog
    assert "<html" not in dialog


def test_canceling_redraws_the_head_and_ends_the_polling(signed_in, running):
    reply = signed_in.post(address("run-cancel", running), {"runs": "one"}, headers=part("run-head"), follow=True)

    assert "Canceled" in reply.text
    assert "every " not in reply.text
    assert "<html" not in reply.text


def test_canceling_one_run_leaves_its_child_runs_alone(signed_in, running):
    child = factories.make_run(running.experiment, parent=running)

    reply = signed_in.post(address("run-cancel", running), {"runs": "one"})

    running.refresh_from_db()
    child.refresh_from_db()
    assert reply.url == address("run", running)
    assert running.status == Status.CANCELED
    assert child.status == Status.RUNNING


def test_canceling_all_takes_the_whole_tree(signed_in, running):
    child = factories.make_run(running.experiment, parent=running)
    grandchild = factories.make_run(running.experiment, parent=child)

    signed_in.post(address("run-cancel", running), {"runs": "all"})

    assert set(Run.objects.filter(pk__in=[running.pk, child.pk, grandchild.pk]).values_list("status", flat=True)) == {
        Status.CANCELED
    }


def test_an_ended_run_is_not_canceled_again(signed_in, ended):
    reply = signed_in.post(address("run-cancel", ended), {"runs": "one"})

    ended.refresh_from_db()
    assert reply.status_code == 409
    assert ended.status == Status.COMPLETED


# Archive


def test_a_run_is_archived_and_brought_back(signed_in, ended):
    archived = signed_in.post(address("run-archive", ended), follow=True)
    ended.refresh_from_db()
    is_archived = ended.archived_at is not None
    signed_in.post(address("run-restore", ended))

    ended.refresh_from_db()
    assert is_archived
    assert "Archived" in archived.text
    assert ended.archived_at is None


# Details


def test_a_failed_run_starts_with_its_error_the_end_of_the_traceback_and_the_log(signed_in, running):
    logs.append(running, "user_logs/std_log.txt", offset=0, data=b"one\ntwo\n")
    trace = "\n".join(f"frame {number}" for number in range(40))
    lifecycle.fail(running, message="CUDA out of memory\nTried 2 GiB", code="OutOfMemoryError", traceback=trace)

    text = signed_in.get(address("run", running)).text

    assert "CUDA out of memory</h2>" in text
    assert "OutOfMemoryError" in text
    assert "frame 39" in text
    assert "All 40 lines" in text
    assert f"{address('run-logs', running)}?log=user_logs%2Fstd_log.txt#L2" in text
    assert text.index("CUDA out of memory") < text.index("description-h")


def test_a_failed_run_of_which_nothing_is_known_says_so(signed_in, running):
    lifecycle.fail(running)

    assert "Nothing is known about why it failed" in signed_in.get(address("run", running)).text


def test_properties_cannot_be_edited(signed_in, running):
    records.add_properties(running, {"author": "mina"})

    section = signed_in.get(address("run", running)).text.split('id="properties-h"')[1].split("</section>")[0]

    assert "mina" in section
    assert "<form" not in section
    assert "<button" not in section


def test_the_command_that_submits_a_run_again_is_quoted(signed_in, experiment):
    run = factories.make_run(
        experiment,
        kind=Kind.SUBMITTED,
        fields={"target": "gpu", "script": "train it.py", "definition": {"arguments": ["--name", "a b", 3]}},
    )

    text = signed_in.get(address("run", run)).text

    assert "studio run submit-script -e mnist --target gpu &#x27;train it.py&#x27; --name &#x27;a b&#x27; 3" in text


def test_the_source_that_a_client_wrote_down_is_among_the_facts(signed_in, running):
    properties = {"azureml.git.branch": "feat/mixup", "azureml.git.commit": "a41f9c2d9e", "azureml.git.dirty": "True"}
    records.add_properties(running, properties)

    facts = signed_in.get(address("run", running)).text.split('id="facts-h"')[1].split("</section>")[0]

    assert "feat/mixup" in facts
    assert "a41f9c2d" in facts
    assert "with changes" in facts


def test_the_models_that_were_registered_from_a_run_are_named_with_their_files(signed_in, running):
    artifacts.put(running, "outputs/model.bin", stream=ContentFile(b"x"), size_bytes=1, sha256=None)
    before = signed_in.get(address("run", running)).text
    for _ in range(2):
        registry.register(running.workspace, "<digits>", run=running, path="outputs/model.bin", framework="PyTorch")

    text = signed_in.get(address("run", running)).text
    section = text.split('id="models-h"')[1].split("</section>")[0]
    events = signed_in.get(address("run-events", running)).text

    assert "models-h" not in before
    assert section.count("&lt;digits&gt;") == 2
    assert "version 2" in section
    assert "outputs/model.bin" in section
    assert "&lt;digits&gt;" in events


@pytest.mark.parametrize(
    ("environment", "shown", "hidden"),
    [
        ({"name": "torch", "requirements": ["torch==2.8", "numpy"]}, ["torch==2.8, numpy", "2 packages"], []),
        ({"conda": {"dependencies": ["python=3.11", {"pip": ["six"]}]}}, ["python=3.11, six", "2 packages"], []),
        ({"name": "mine", "python": "/opt/bin/python"}, ["mine", "/opt/bin/python"], ["packages"]),
        ({"name": "default-environment"}, [], ["Environment"]),
    ],
)
def test_the_facts_name_the_environment_that_a_run_asks_for(signed_in, experiment, alice, environment, shown, hidden):
    run = submission.submit(experiment, by=alice, snapshot=None, command="make", environment=environment)

    facts = signed_in.get(address("run", run)).text.partition('id="run-facts"')[2].partition("</section>")[0]

    assert all(text in facts for text in shown), facts
    assert not any(text in facts for text in hidden)
