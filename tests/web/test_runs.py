"""The Runs page: what it lists, what its address asks for, and what htmx redraws of it."""

import json
import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from runs import experiments, lifecycle, records
from runs.metrics import points, segments
from runs.models import Run, Status
from tests import factories

RUNS = "/w/default/runs"


@pytest.fixture
def page(client, alice, workspace):
    client.force_login(alice)
    return lambda query="", **headers: client.get(f"{RUNS}{query}", headers=headers)


def as_htmx(target: str) -> dict[str, str]:
    return {"HX-Request": "true", "HX-Target": target}


def names(reply) -> list[str]:
    return re.findall(r'<a class="name"[^>]*>([^<]*)</a>', reply.text)


def log(run: Run, **values: object) -> None:
    body = [{"key": key, "value": value, "step": 1} for key, value in values.items()]
    decoded, _ = points.decode(json.dumps({"points": body}).encode())
    segments.append(run, decoded, batch=None)


def test_a_stranger_learns_nothing_of_the_workspace(client, charlie, running):
    client.force_login(charlie)

    reply = client.get(RUNS)

    assert reply.status_code == 404
    assert running.display_name not in reply.text


def test_who_is_not_signed_in_goes_to_the_sign_in_page_and_comes_back(client, running):
    reply = client.get(f"{RUNS}?status=Failed")

    assert reply.status_code == 302
    assert reply.url == f"/sign-in?next={RUNS}%3Fstatus%3DFailed"


def test_runs_stand_newest_first(page, experiment):
    for name in ("first", "second", "third"):
        factories.make_run(experiment, display_name=name)

    assert names(page()) == ["third", "second", "first"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?status=Completed", ["done"]),
        ("?status=open", ["other", "live"]),
        ("?status=Completed&status=Running", ["other", "done", "live"]),
        ("?tag=quality", ["done"]),
        ("?tag=quality=great", ["done"]),
        ("?tag=quality=poor", []),
        ("?experiment=cifar", ["other"]),
        ("?submitter=bob", ["other"]),
        ("?search=don", ["done"]),
        ("?status=Completed&search=live", []),
        ("?sort=name", ["done", "live", "other"]),
        ("?sort=-name", ["other", "live", "done"]),
    ],
)
def test_the_address_filters_and_sorts(page, experiment, bob, query, expected):
    factories.make_run(experiment, display_name="live")
    factories.make_run(experiment, display_name="done", tags={"quality": "great"}, status=Status.COMPLETED)
    factories.make_run(factories.make_experiment(name="cifar"), display_name="other", by=bob)

    assert names(page(query)) == expected


def test_every_filter_that_is_on_has_a_chip_that_takes_it_off(page, running):
    reply = page("?status=Running&tag=stage&search=x")

    assert 'href="?search=x&amp;tag=stage"' in reply.text
    assert 'href="?search=x&amp;status=Running"' in reply.text
    assert "Remove filter Status" in reply.text


def test_a_filter_that_no_status_has_is_refused_with_a_sentence(page, running):
    reply = page("?status=Sleeping")

    assert reply.status_code == 422
    assert "There is no status Sleeping" in reply.text


def test_when_nothing_matches_the_costliest_condition_is_named(page, experiment):
    factories.make_run(experiment, status=Status.COMPLETED)
    factories.make_run(experiment, status=Status.COMPLETED)

    reply = page("?status=Completed&tag=nowhere")

    assert "No run matches" in reply.text
    assert "Without the filter “Tag” there would be 2." in reply.text
    assert 'href="?status=Completed"' in reply.text


def test_a_count_that_was_not_finished_says_so_when_nothing_matches(page, experiment, monkeypatch):
    monkeypatch.setattr("runs.limits.COUNT_MOST", 2)
    for _ in range(3):
        factories.make_run(experiment)

    assert "there would be more than 2." in page("?search=nowhere").text


def test_the_tab_of_live_runs_counts_what_its_list_shows(page, experiment):
    parent = factories.make_run(experiment)
    factories.make_run(experiment, parent=parent)
    lifecycle.archive(factories.make_run(experiment))

    text = page("?status=open").text

    assert 'Live <span class="n">1</span>' in text
    assert "3 running, 0 queued" in text


def test_child_runs_are_hidden_until_they_are_asked_for(page, experiment):
    parent = factories.make_run(experiment, display_name="sweep")
    factories.make_run(experiment, display_name="trial", parent=parent)

    assert names(page()) == ["sweep"]
    assert names(page("?children=1")) == ["trial", "sweep"]


def test_child_runs_unfold_as_rows_below_their_parent(page, experiment):
    parent = factories.make_run(experiment, display_name="sweep")
    for number in range(8):
        factories.make_run(experiment, display_name=f"trial {number}", parent=parent)

    reply = page(f"?children_of={parent.run_id}", **as_htmx(f"tr#r{parent.pk}"))

    assert names(reply) == [f"trial {number}" for number in (7, 6, 5, 4, 3, 2)]
    assert f'data-depth="1" data-parent="r{parent.pk}"' in reply.text
    assert "2 more child runs of sweep" in reply.text
    assert "<html" not in reply.text


def test_archived_runs_have_a_list_of_their_own(page, experiment):
    lifecycle.archive(factories.make_run(experiment, display_name="old"))
    factories.make_run(experiment, display_name="new")

    assert names(page()) == ["new"]
    assert names(page("?archived=1")) == ["old"]


def test_older_and_newer_lead_through_all_runs_once(page, experiment):
    made = [factories.make_run(experiment, display_name=f"{number:03}").display_name for number in range(120)]
    seen, query = [], "?size=50"
    while query:
        reply = page(query)
        seen += names(reply)
        older = re.search(r'rel="next" href="([^"]*)"', reply.text)
        query = older.group(1).replace("&amp;", "&") if older else ""

    assert seen == made[::-1]
    assert 'rel="prev"' in reply.text


def test_metrics_that_the_runs_have_become_columns_with_figures_that_line_up(page, experiment):
    log(factories.make_run(experiment, display_name="a"), **{"val/loss": 0.5, "system/cpu": 40.5})
    log(factories.make_run(experiment, display_name="b"), **{"val/loss": -12.25})
    factories.make_run(experiment, display_name="c")

    reply = page()

    figures = re.findall(r'<span class="fig">([^<]*)</span>', reply.text)
    assert figures == ["\N{MINUS SIGN}12.25", "0.50", "40.50"]
    assert reply.text.index(">val/loss<") < reply.text.index(">system/cpu<")
    assert reply.text.count("not logged") == 3


def test_the_page_of_an_experiment_shows_its_runs_alone(page, client, experiment):
    factories.make_run(experiment, display_name="mine")
    factories.make_run(factories.make_experiment(name="cifar"), display_name="other")

    reply = client.get(reverse("experiment", args=["default", "mnist"]))

    assert names(reply) == ["mine"]
    assert ">Experiment</span>" not in reply.text


def test_htmx_gets_the_list_alone_and_back_never_shows_it_bare(page, running):
    reply = page("?sort=name", **as_htmx("run-list#runs"))

    assert "<html" not in reply.text
    assert reply.text.lstrip().startswith('<run-list id="runs"')
    assert "HX-Target" in reply.headers["Vary"]


def test_names_and_tags_are_shown_as_text(page, experiment):
    nasty = '"><script>alert(1)</script>'
    factories.make_run(experiment, display_name=nasty, tags={nasty: nasty})

    text = page().text

    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


def test_no_style_and_no_script_stands_in_the_page(page, running):
    text = page().text

    assert " style=" not in text
    assert not re.search(r"\son\w+=", text)
    for script in re.findall(r"<script[^>]*>", text):
        assert "src=" in script or "nonce=" in script or 'type="application/json"' in script


@pytest.mark.parametrize("query", ["", "?children=1", "?status=open&tag=quality", "?search=run"])
def test_queries_do_not_grow_with_the_rows(page, experiment, query):
    def fill(count: int) -> None:
        for _ in range(count):
            parent = factories.make_run(experiment, tags={"quality": "great"})
            log(parent, loss=0.5, accuracy=0.9)
            factories.make_run(experiment, parent=parent, status=Status.FAILED)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert page(query).status_code == 200
        return len(captured)

    fill(1)
    few = queries()
    fill(12)

    assert queries() == few


# Live rows


def live_url(text: str) -> str:
    return re.search(r'id="live-rows"[^>]*hx-get="([^"]*)"', text).group(1).replace("&amp;", "&")


def test_a_page_without_a_live_run_asks_for_nothing(page, ended):
    assert "every 5s" not in page().text


def test_the_poll_answers_nothing_while_nothing_changes(page, running):
    url = live_url(page().text)

    reply = page(url, **as_htmx("button#live-rows"))

    assert reply.status_code == 204


def test_the_poll_redraws_the_cells_of_what_changed_and_stops_when_all_have_ended(page, running):
    url = live_url(page().text)
    lifecycle.complete(running)

    reply = page(url, **as_htmx("button#live-rows"))

    assert f'hx-target="#r{running.pk}-status"' in reply.text
    assert "Completed" in reply.text
    assert "every 5s" not in reply.text
    assert "<tr" not in reply.text


def test_new_runs_wait_behind_a_pill(page, running, experiment):
    url = live_url(page().text)
    for _ in range(3):
        factories.make_run(experiment)

    reply = page(url, **as_htmx("button#live-rows"))

    assert "3 new runs" in reply.text
    again = page(live_url(reply.text), **as_htmx("button#live-rows"))
    assert again.status_code == 204


def test_the_poll_shows_no_run_of_another_workspace(page, charlie, running):
    theirs = factories.make_run(
        experiments.get_or_create(charlie.memberships.get().workspace, "x", by=charlie)[0], by=charlie
    )

    reply = page(f"?live={running.pk}.{theirs.pk}.x.{10**30}&stamp=&seen=nonsense", **as_htmx("button#live-rows"))

    assert f"r{running.pk}-status" in reply.text
    assert theirs.display_name not in reply.text


# Before the first run


def test_an_empty_workspace_shows_how_to_log_a_first_run(page):
    reply = page()

    assert "No runs yet. Log the first one." in reply.text
    assert "http://testserver/api/v1/runs" in reply.text


def test_the_listener_waits_and_then_leads_to_the_list(page, experiment):
    listener = as_htmx("span#first-run")
    assert page(**listener).status_code == 204
    factories.make_run(experiment)

    reply = page(**listener)

    assert reply.headers["HX-Redirect"] == RUNS
    assert reply.text == ""


def test_a_tag_in_the_list_leads_to_the_list_of_its_runs(page, experiment):
    run = factories.make_run(experiment, display_name="tagged")
    records.set_tags(run, {"a&b": "x=y"})
    factories.make_run(experiment, display_name="other")

    url = re.search(r'<a class="chip" href="([^"]*)"', page().text).group(1).replace("&amp;", "&")

    assert names(page(url)) == ["tagged"]
