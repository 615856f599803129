"""A run's page in a browser: curves, the log viewer, editing in place; and that axe has nothing to say."""

import json

import pytest
from django.core.files.base import ContentFile

from runs import artifacts, lifecycle, logs, registry
from runs.metrics import points, segments
from tests import factories

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LOG = "user_logs/std_log.txt"
TABS = [
    "",
    "/metrics",
    "/metrics?view=values",
    "/monitoring",
    "/children",
    "/logs",
    "/events",
    "/description",
    "/cancel",
]
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@pytest.fixture
def run(experiment):
    run = factories.make_run(
        experiment,
        display_name="trial-07",
        heartbeats=True,
        tags={"quality": "good"},
        parameters={"lr": 0.1},
        description="Does **mixup** help?",
    )
    factories.make_run(experiment, parent=run, display_name="fold-0")
    given = [{"key": "val/loss", "value": 1 / (step + 1), "step": step} for step in range(400)]
    given += [{"key": "val/loss", "number": "NaN", "step": 400}, {"key": "phase", "value": "warm-up"}]
    for key in ("system/cpu_utilization_percentage", "system/gpu_0_memory_usage_percentage"):
        given += [{"key": key, "value": 50.0, "step": step, "time": 1_790_000_000 + 10 * step} for step in range(20)]
    batch, _ = points.decode(json.dumps({"points": given}).encode())
    segments.append(run, batch, batch=None)
    write(run, "".join(f"line {number}\n" for number in range(1, 2_001)))
    path = f"outputs/{'a-long-name-' * 6}model.bin"
    artifacts.put(run, path, stream=ContentFile(b"weights"), size_bytes=7, sha256=None)
    for name in ("digits", "a-model-of-a-long-name-" * 4):
        registry.register(run.workspace, name, run=run, path=path, framework="ScikitLearn", framework_version="1.8")
    return run


def write(run, text: str) -> None:
    stream = run.log_streams.filter(name=LOG).first()
    logs.append(run, LOG, offset=stream.size_bytes if stream else 0, data=text.encode())


@pytest.fixture
def at(page, live_server, client, alice, run):
    """Go to a tab of the run, signed in as alice."""
    client.force_login(alice)
    cookie = client.cookies["sessionid"].value
    page.context.add_cookies([{"name": "sessionid", "value": cookie, "url": live_server.url}])

    def go(tab: str):
        page.goto(f"{live_server.url}/w/default/runs/{run.run_id}{tab}")
        return page

    return go


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_no_tab_breaks_a_rule_of_accessibility_or_scrolls_sideways(at, page, width, scheme):
    from axe_playwright_python.sync_playwright import Axe  # only the browser tests have it

    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)

    found = {}
    for tab in TABS:
        at(tab)
        page.wait_for_load_state("networkidle")
        broken = [rule["id"] for rule in Axe().run(page, options=RULES).response["violations"]]
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            broken.append("scrolls sideways")
        if broken:
            found[tab] = broken

    assert not found


def test_curves_are_drawn_zoomed_into_and_kept_in_the_address(at):
    page = at("/metrics")
    curve = page.locator("run-chart[data-key='val/loss']")
    curve.locator("canvas").wait_for()
    note = page.locator("figure", has=curve).locator("[data-note]")
    note.get_by_text("1 × NaN").wait_for()

    curve.locator(".u-over").hover(position={"x": 50, "y": 40})
    curve.locator(".tip", has_text="step").wait_for()
    box = curve.locator(".u-over").bounding_box()
    page.mouse.down()
    page.mouse.move(box["x"] + 150, box["y"] + 40, steps=4)
    page.mouse.up()

    page.get_by_role("button", name="Whole range").wait_for()
    assert "from=" in page.url
    page.get_by_role("button", name="Whole range").click()
    page.wait_for_url(lambda url: "from=" not in url)
    page.get_by_text("Log scale").click()
    page.wait_for_url("**log=1**")
    page.reload()
    assert page.get_by_role("switch", name="Log scale").is_checked()


def test_new_points_and_new_metrics_appear_by_themselves(at, run):
    page = at("/metrics")
    page.locator("run-chart canvas").first.wait_for()

    new = [{"key": "val/loss", "value": 0.0625, "step": 500}, {"key": "val/acc", "value": 0.5, "step": 1}]
    batch, _ = points.decode(json.dumps({"points": new}).encode())
    segments.append(run, batch, batch=None)

    page.get_by_text("0.0625").first.wait_for(timeout=10_000)
    page.locator("run-chart[data-key='val/acc'] canvas").wait_for(timeout=10_000)


def test_the_machine_is_drawn_along_time_and_another_axis_is_kept_in_the_address(at):
    page = at("/monitoring")
    page.locator("run-chart canvas").first.wait_for()
    assert page.get_by_role("radio", name="Time").is_checked()

    page.locator("run-chart[data-key^='system/cpu'] .u-over").hover(position={"x": 50, "y": 40})
    page.locator(".tip", has_text="14:1").wait_for()
    page.get_by_text("Step", exact=True).click()
    page.wait_for_url("**x=step**")
    page.reload()
    assert page.get_by_role("radio", name="Step").is_checked()
    page.get_by_text("Time", exact=True).click()
    page.wait_for_url(lambda url: "x=" not in url)


def test_the_tab_of_the_machine_comes_by_itself(page, at, run, experiment):
    bare = factories.make_run(experiment, heartbeats=True)
    at("/events")
    page.goto(page.url.replace(run.run_id, bare.run_id))
    tab = page.locator(".runtabs").get_by_text("Monitoring")
    assert not tab.is_visible()

    batch, _ = points.decode(json.dumps({"points": [{"key": "system/cpu", "value": 1.0}]}).encode())
    segments.append(bare, batch, batch=None)

    tab.wait_for(timeout=10_000)


def test_links_that_mlflow_clients_print_lead_to_the_run_and_to_the_experiment(page, at, run, live_server):
    at("")
    printed = f"/#/experiments/{run.experiment.experiment_id}"

    for address in (f"{printed}/runs/{run.run_id}", f"/w/default{printed}/runs/{run.run_id}/artifacts"):
        page.goto("about:blank")
        page.goto(live_server.url + address)
        page.wait_for_url(f"**/w/default/runs/{run.run_id}")
    page.goto("about:blank")
    page.goto(live_server.url + printed)
    page.wait_for_url(f"**/w/default/experiments/{run.experiment.experiment_id}")


def test_such_a_link_leads_there_after_signing_in_too(page, live_server, alice, run):
    page.goto(f"{live_server.url}/#/experiments/0/runs/{run.run_id}")
    page.locator("summary", has_text="Access token").click()

    page.get_by_label("Access token").fill(factories.make_token(alice))
    page.get_by_role("button", name="Sign in with the token").click()

    page.wait_for_url(f"**/w/default/runs/{run.run_id}")


def test_the_log_is_followed_until_the_reader_scrolls_up(at, run):
    page = at("/logs")
    page.locator("#L2000").wait_for()

    write(run, "and half a l")
    page.get_by_text("and half a l", exact=True).wait_for(timeout=10_000)
    write(run, "ine\nthe newest\n")
    page.get_by_text("and half a line", exact=True).wait_for(timeout=10_000)
    assert page.locator("#L2002").is_visible()

    page.locator(".src").hover()
    page.mouse.wheel(0, -2_000)
    follow = page.get_by_role("switch", name="Follow")
    page.wait_for_timeout(100)
    assert not follow.is_checked()
    follow.check()
    page.locator("#L2002").wait_for()


def test_lines_far_away_are_fetched_when_they_are_asked_for(at):
    page = at("/logs#L700")
    page.locator("#L700.at").wait_for()
    assert page.locator("#L2000").count() == 0

    page.get_by_label("Line", exact=True).fill("3")
    page.get_by_label("Line", exact=True).press("Enter")
    page.locator("#L3.at").wait_for()

    page.get_by_label("Search in the whole log").fill("line 150")
    page.get_by_label("Search in the whole log").press("Enter")
    page.get_by_text("1 of 11").wait_for()
    page.locator("#L150 mark").wait_for()
    page.get_by_role("button", name="Next match").click()
    page.locator("#L1500 mark").wait_for()


def test_the_description_is_edited_in_place_and_a_conflict_shows_both_texts(at, run, bob):
    page = at("")
    page.keyboard.press("e")
    page.get_by_label("Description, Markdown").fill("Mine, **bold**")
    page.locator("#run-description-preview strong", has_text="bold").wait_for()
    lifecycle.describe(run, "Written by bob", by=bob)

    page.get_by_role("button", name="Save description").click()
    page.get_by_text("Written by bob").wait_for()
    assert page.get_by_label("Description, Markdown").input_value() == "Mine, **bold**"
    page.get_by_role("button", name="Save description").click()
    page.locator("#run-description > .prose strong", has_text="bold").wait_for()

    run.refresh_from_db()
    assert run.description == "Mine, **bold**"


def test_the_head_tells_of_the_end_by_itself_and_an_open_menu_stays_open(at, run):
    page = at("/events")
    page.get_by_label("More actions").click()
    page.get_by_role("link", name="Download all files").wait_for()

    lifecycle.complete(run)

    page.locator(".pill", has_text="Completed").wait_for(timeout=10_000)
    assert page.get_by_role("link", name="Download all files").is_visible()
    assert page.locator("#run-head[hx-get]").count() == 0
