"""What all pages share: whole or in part, the frame, errors, and what must never happen with htmx."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.template.loader import get_template
from django.test import Client, RequestFactory
from django.urls import reverse

from runs.errors import AlreadyExists, Forbidden, Invalid, NotFound, RunAlreadyEnded
from runs.web import errors
from tests import factories

RUNS = "/w/default/runs"
PART = {"HX-Request": "true", "HX-Target": "run-list#runs"}


@pytest.fixture
def signed_in(client, alice, workspace):
    client.force_login(alice)
    return client


def test_when_the_session_has_ended_htmx_sends_the_browser_to_sign_in_and_back_to_what_it_showed(client, running):
    shown = {"HX-Current-URL": f"http://testserver{RUNS}?status=Failed"}

    reply = client.get(f"{RUNS}?sort=name", headers=PART | shown, follow=True)

    assert reply.headers["HX-Redirect"] == f"/sign-in?next={RUNS.replace('/', '%2F')}%3Fstatus%3DFailed"
    assert reply.text == ""


def test_a_whole_page_never_lands_inside_a_part(signed_in, running):
    reply = signed_in.get("/w/default/experiments", headers=PART)

    assert reply.headers["HX-Redirect"] == "/w/default/experiments"
    assert reply.text == ""


def test_back_gets_a_whole_page(signed_in, running):
    restored = {"HX-Request": "true", "HX-Target": "body", "HX-History-Restore-Request": "true"}

    reply = signed_in.get(RUNS, headers=restored)

    assert reply.text.startswith("<!doctype html>")


def test_an_error_in_a_part_is_a_toast_and_leaves_the_part_alone(signed_in, running):
    reply = signed_in.get(f"{RUNS}?status=Sleeping", headers=PART)

    assert reply.status_code == 422
    assert reply.headers["HX-Reswap"] == "none"
    assert 'hx-target="#toasts"' in reply.text
    assert "There is no status Sleeping" in reply.text


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NotFound("x"), 404),
        (Forbidden("x"), 403),
        (RunAlreadyEnded("x"), 409),
        (AlreadyExists("x"), 409),
        (Invalid("x"), 422),
    ],
)
def test_every_domain_error_has_a_status(error, status):
    assert errors.status_of(error) == status


def test_an_unknown_address_is_a_page_of_its_own(signed_in):
    reply = signed_in.get("/nothing/here")

    assert reply.status_code == 404
    assert "Nothing at this address" in reply.text
    assert "/nothing/here" in reply.text


def test_the_page_for_a_fault_of_ours_needs_no_database_and_carries_an_id():
    request = RequestFactory().get("/w/default/runs")  # this test has no database: asking it would fail

    reply = errors.server_error(request)

    assert reply.status_code == 500
    assert re.search(r"req_[0-9a-f]{8}", reply.text)


def test_a_form_without_its_secret_is_refused_with_a_sentence(alice, workspace):
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)

    reply = client.post(reverse("runs-bulk", args=["default"]), {"action": "cancel"})

    assert reply.status_code == 403
    assert "This form is out of date" in reply.text


def test_the_theme_of_the_cookie_is_in_the_first_byte(signed_in):
    signed_in.cookies["theme"] = "dark"
    assert '<html lang="en" data-theme="dark">' in signed_in.get(RUNS).text

    signed_in.cookies["theme"] = '"><script>'
    assert '<html lang="en">' in signed_in.get(RUNS).text


def test_preferences_are_kept_and_lead_back_but_never_to_another_server(client):
    reply = client.post("/preferences", {"theme": "dark", "density": "huge", "next": f"{RUNS}?sort=name"})
    assert reply.url == f"{RUNS}?sort=name"
    assert reply.cookies["theme"].value == "dark"
    assert "density" not in reply.cookies

    assert client.post("/preferences", {"next": "https://evil.example/"}).url == "/"
    assert client.post("/preferences", {"next": "//evil.example/"}).url == "/"


def test_home_is_the_workspace_seen_last(signed_in, alice):
    factories.make_workspace("second", owner=alice)
    assert signed_in.get("/").url == RUNS

    signed_in.get("/w/second/runs")

    assert signed_in.get("/").url == "/w/second/runs"


def test_a_short_link_leads_to_the_run_for_members_alone(signed_in, running, charlie):
    assert signed_in.get(f"/runs/{running.run_id}").url == f"/w/default/runs/{running.run_id}"

    signed_in.force_login(charlie)
    assert signed_in.get(f"/runs/{running.run_id}").status_code == 404


def test_the_frame_counts_what_runs_and_what_waits(signed_in, experiment):
    factories.make_run(experiment)
    factories.make_run(experiment)
    factories.make_run(experiment, status="NotStarted")
    factories.make_run(experiment, status="Completed")

    assert 'title="2 running, 1 queued"' in signed_in.get(RUNS).text


def test_the_policy_allows_nothing_inline_but_the_import_map(signed_in, running):
    reply = signed_in.get(RUNS)

    policy = reply.headers["Content-Security-Policy"]
    nonce = re.search(r"'nonce-([^']+)'", policy).group(1)
    assert "unsafe" not in policy
    assert f'<script type="importmap" nonce="{nonce}">' in reply.text


def test_every_icon_that_a_page_draws_is_in_the_sprite():
    base = Path(settings.BASE_DIR)
    sprite = set(re.findall(r'<symbol id="([is]-[^"]+)"', (base / "static/img/icons.svg").read_text()))
    drawn = set()
    for file in (base / "templates").rglob("*.html"):
        drawn |= {f"i-{name}" for name in re.findall(r'{% icon "([a-z0-9-]+)"', file.read_text())}
        drawn |= {f"s-{name}" for name in re.findall(r'{% glyph "([a-z0-9-]+)"', file.read_text())}

    assert drawn
    assert drawn <= sprite


def test_no_template_holds_a_style_a_script_or_an_expression():
    for file in (Path(settings.BASE_DIR) / "templates").rglob("*.html"):
        text = file.read_text()
        get_template(str(file.relative_to(Path(settings.BASE_DIR) / "templates")))
        assert " style=" not in text, file
        assert "hx-on" not in text, file
        assert not re.search(r'hx-\w+="js:', text), file
        assert not re.search(r'hx-trigger="[^"]*\[', text), file
