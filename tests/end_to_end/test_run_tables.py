"""Tables, images and figures in a browser: nothing is refused by the policy, nothing pushes the page wide, axe is content."""

import base64
import json

import pytest
from django.core.files.base import ContentFile

from runs import artifacts, tables
from runs.tables import Entry
from tests import factories

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
LONG = "a-name-without-a-single-place-to-break-it-" * 5
DOCUMENTS = {
    "confusion_matrix": {"class_labels": ["cat", LONG, "dog"], "matrix": [[90, 5, 5], [1, 2, 3], [0, 0, 1234567]]},
    "accuracy_table": {
        "probability_tables": [[[50, 50, 0, 0], [45, 10, 40, 5], [20, 2, 48, 30], [0, 0, 50, 50]]] * 12,
        "class_labels": [f"{LONG}{n}" for n in range(12)],
    },
    "residuals": {"bin_edges": [-3, -2, -1, 0, 1, 2, 3], "bin_counts": [1, 5, 20, 22, 4, 0.5]},
    "predictions": {
        "bin_averages": [0.1, 0.4, 0.55, 0.9], "bin_errors": [0.1, 0.02, 0.2, 0.05], "bin_edges": [0, 0.25, 0.5, 0.75, 1],
        "bin_counts": [1, 2, 3, 4],
    },
}  # fmt: skip


@pytest.fixture
def run(experiment):
    run = factories.make_run(experiment, display_name="trial-07")
    rows = [{"epoch": n, "loss": 1 / (n + 1)} for n in range(20)]
    wide = [{f"column {i} {LONG if i == 3 else ''}": n * i for i in range(100)} for n in range(2)]
    tables.append(run, [Entry("epochs", rows), Entry("wide", wide), Entry(LONG, [{"one": "only " + LONG}])])
    files = {kind: (json.dumps({"data": data}).encode(), kind) for kind, data in DOCUMENTS.items()}
    files |= {"a.png": (PIXEL, "image"), f"{LONG}.png"[-200:]: (PIXEL, "image"), "broken": (b"{", "residuals")}
    for path, (content, kind) in files.items():
        artifacts.put(run, path, stream=ContentFile(content), size_bytes=len(content), sha256=None)
        tables.append(run, [Entry(path, [{"path": path}], kind)])
    return run


@pytest.fixture
def tab(page, live_server, client, alice, run):
    """The tab Metrics, seen by alice; and what its console said."""
    client.force_login(alice)
    cookie = client.cookies["sessionid"].value
    page.context.add_cookies([{"name": "sessionid", "value": cookie, "url": live_server.url}])
    page.said = []
    page.on("console", lambda message: page.said.append(message.text) if message.type == "error" else None)

    def go():
        page.goto(f"{live_server.url}/w/default/runs/{run.run_id}/metrics")
        return page

    return go


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_what_is_logged_beside_metrics_is_shown_to_everybody(tab, page, width, scheme):
    from axe_playwright_python.sync_playwright import Axe  # only the browser tests have it

    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    tab()

    found = Axe().run(page, options=RULES)

    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.said == []


def test_the_images_are_loaded_when_they_come_into_sight(tab, page):
    tab()
    image = page.locator("img[alt^='a.png']")

    image.scroll_into_view_if_needed()

    assert image.evaluate("async image => { await image.decode(); return image.naturalWidth; }") == 1


def test_the_search_narrows_tables_as_one_types(tab, page, run):
    from runs.metrics import points, segments

    batch, _ = points.decode(b'{"points": [{"key": "loss", "value": 1}]}')
    segments.append(run, batch, batch=None)
    tab()

    page.locator("#metric-search").press_sequentially("epochs")

    page.locator("#run-tables h3", has_text="wide").wait_for(state="detached")
    assert page.locator("#run-tables h3").all_inner_texts() == ["epochs"]
