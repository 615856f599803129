"""The tab Metrics, and what its charts ask for."""

import json
import re
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from runs import lifecycle
from runs.metrics import folding, points, segments
from runs.models import Run, Status
from tests import factories

CURVES = {"HX-Request": "true", "HX-Target": "div#run-curves"}


def address(name: str, run: Run) -> str:
    return reverse(name, args=[run.workspace.name, run.run_id])


def log(run: Run, *given: dict[str, Any]) -> None:
    batch, _ = points.decode(json.dumps({"points": list(given)}).encode())
    segments.append(run, batch, batch=None)


def curve(key: str, *values: float) -> list[dict[str, Any]]:
    return [
        {"key": key, "value": value, "step": step, "time": 1_790_000_000 + step} for step, value in enumerate(values)
    ]


@pytest.fixture
def signed_in(client, alice):
    client.force_login(alice)
    return client


# Waiting and empty


def test_a_run_that_has_not_begun_says_that_curves_will_come(signed_in, experiment):
    run = factories.make_run(experiment, status=Status.NOT_STARTED)

    assert "Not started yet" in signed_in.get(address("run-metrics", run)).text


def test_a_running_run_without_metrics_says_how_long_it_has_run(signed_in, running):
    text = signed_in.get(address("run-metrics", running)).text

    assert "nothing logged yet" in text
    assert f'data-since="{running.started_at.isoformat(timespec="seconds")}"' in text
    assert 'hx-trigger="every 5s"' in text


def test_an_ended_run_without_metrics_waits_for_nothing(signed_in, ended):
    text = signed_in.get(address("run-metrics", ended)).text

    assert "No metric was logged" in text
    assert "every " not in text


# Charts


def test_metrics_are_grouped_by_their_prefix_and_those_without_one_stand_last(signed_in, running):
    keys = ["accuracy", "val/loss", "train/loss"]
    log(running, *[point for key in keys for point in curve(key, 1.0, 2.0)])

    text = signed_in.get(address("run-metrics", running)).text

    names = ["group-train", "group-val", "group--"]
    places = [text.index(f'id="{name}"') for name in names]
    assert places == sorted(places)


def test_a_chart_can_be_read_without_its_picture_and_without_a_script(signed_in, running):
    log(running, *curve("loss", 0.5, 0.25, 0.75))

    text = signed_in.get(address("run-metrics", running)).text

    assert 'aria-label="loss: 3 points from 0.5000 to 0.7500, lowest 0.2500, highest 0.7500"' in text
    assert '<path class="ln"' in text
    assert "view=points&amp;key=loss" in text


@pytest.mark.parametrize(
    ("x", "ends"),
    [("step", ("0", "1")), ("time", ("2026-09-21 14:13:20", "2026-09-21 14:13:21")), ("relative", ("s<", "s<"))],
)
def test_without_a_script_the_picture_follows_the_x_axis_that_was_asked_for(signed_in, running, x, ends):
    log(running, *curve("loss", 0.5, 0.25))

    axis = signed_in.get(address("run-metrics", running), {"x": x}).text.split('class="plot__x"')[1].split("</ul>")[0]

    for end in ends:
        assert end in axis


def test_a_picture_shows_the_extremes_between_its_points(signed_in, running):
    log(running, *curve("loss", *[100.0 if step == 500 else 1.0 for step in range(1_000)]))

    band = signed_in.get(address("run-metrics", running)).text.split('class="band"')[1].split("/>")[0]

    assert "V7.3" in band  # of 160, from the top: the single 100 among a thousand ones


def test_the_axis_of_huge_values_is_short(signed_in, running):
    log(running, *curve("huge", 1.5e30, 0.5e30))

    text = signed_in.get(address("run-metrics", running)).text

    assert max(map(len, re.findall(r"<li>([^<]*)</li>", re.search(r'<ul class="plot__y".*?</ul>', text).group()))) < 9


def test_pictures_are_left_out_of_what_a_script_asks_for(signed_in, running):
    log(running, *curve("loss", 0.5, 0.25))

    text = signed_in.get(address("run-metrics", running), headers=CURVES).text

    assert 'data-key="loss"' in text
    assert '<path class="ln"' not in text
    assert "<html" not in text


@pytest.mark.parametrize(
    ("words", "found"),
    [("loss", {"val/loss", "train/loss"}), ("val/*", {"val/loss", "val/acc"}), ("LOSS", {"val/loss", "train/loss"})],
)
def test_metrics_are_found_by_a_word_or_a_pattern(signed_in, running, words, found):
    log(running, *[point for key in ("val/loss", "val/acc", "train/loss") for point in curve(key, 1.0)])

    text = signed_in.get(address("run-metrics", running), {"q": words}).text

    assert {key for key in ("val/loss", "val/acc", "train/loss") if f'data-key="{key}"' in text} == found


def test_a_search_without_a_match_offers_all_metrics(signed_in, running):
    log(running, *curve("loss", 1.0))

    assert "Show the one metric" in signed_in.get(address("run-metrics", running), {"q": "nope"}).text


def test_more_metrics_than_a_page_holds_are_paged(signed_in, running):
    log(running, *[{"key": f"m{number:03}", "value": 1.0} for number in range(60)])

    first = signed_in.get(address("run-metrics", running)).text
    second = signed_in.get(address("run-metrics", running), {"from_metric": 48}).text

    assert 'data-key="m000"' in first
    assert 'data-key="m059"' not in first
    assert "from_metric=48" in first
    assert 'data-key="m059"' in second
    assert 'data-key="m000"' not in second


def test_the_settings_of_the_charts_are_in_the_address(signed_in, running):
    log(running, *curve("loss", 1.0))

    text = signed_in.get(address("run-metrics", running), {"x": "time", "smooth": "0.6", "log": "1"}).text

    assert '<input type="radio" name="x" value="time" checked>' in text
    assert 'name="log" value="1" checked' in text
    assert 'value="0.6"' in text


@pytest.mark.parametrize(
    "asked", [{"smooth": "x"}, {"x": "nope"}, {"from_metric": "-1"}, {"from_metric": "9" * 30}, {"view": "?"}]
)
def test_an_address_typed_wrongly_is_read_as_far_as_it_makes_sense(signed_in, running, asked):
    log(running, *curve("loss", 1.0))

    assert signed_in.get(address("run-metrics", running), asked).status_code == 200


def test_texts_are_told_in_their_order_the_newest_first(signed_in, running):
    log(running, {"key": "phase", "value": "warm-up", "time": 1}, {"key": "phase", "value": "<b>cosine</b>", "time": 2})

    text = signed_in.get(address("run-metrics", running)).text

    assert text.index("&lt;b&gt;cosine&lt;/b&gt;") < text.index("warm-up")


def test_the_page_costs_as_much_for_thirty_metrics_as_for_two(signed_in, running, django_assert_max_num_queries):
    log(running, *curve("a", 1.0, 2.0), *curve("b", 1.0, 2.0))
    with CaptureQueriesContext(connection) as few:
        signed_in.get(address("run-metrics", running))
    log(running, *[point for number in range(28) for point in curve(f"c{number}", 1.0, 2.0)])

    with django_assert_max_num_queries(len(few)):
        signed_in.get(address("run-metrics", running))


# Values and points


def test_the_table_of_values_has_first_last_extremes_mean_and_what_is_not_finite(signed_in, running):
    log(running, *curve("loss", 4.5, 2.5, 6.5), {"key": "loss", "number": "NaN", "step": 9})

    row = signed_in.get(address("run-metrics", running), {"view": "values"}).text.split("<tbody>")[1]

    for shown in ("4.5000", "NaN", "2.5000", "6.5000"):
        assert shown in row
    assert '<td class="num mut">4</td><td class="num bad">1</td>' in row


def test_the_points_of_a_metric_are_paged_and_not_rounded(signed_in, running):
    log(running, *curve("loss", 0.123456789, *[1.0] * 249))

    first = signed_in.get(address("run-metrics", running), {"view": "points", "key": "loss"}).text
    following = first.split("&amp;after=")[1].split('"')[0]
    second = signed_in.get(address("run-metrics", running), {"view": "points", "key": "loss", "after": following}).text

    assert "0.123456789" in first
    assert first.count('<th scope="row"') == 200
    assert second.count('<th scope="row"') == 50


def test_the_points_of_an_unknown_metric_are_none(signed_in, running):
    reply = signed_in.get(address("run-metrics", running), {"view": "points", "key": "nope"})

    assert reply.status_code == 200
    assert "No points of this name" in reply.text


def test_csv_holds_every_point_as_it_was_logged(signed_in, running):
    log(running, *curve("loss", 0.5, 0.25), {"key": "loss", "number": "-Infinity", "step": 2, "time": 1_790_000_002})
    log(running, {"key": "phase", "value": "a,b", "time": 1_790_000_000})

    reply = signed_in.get(address("run-values-csv", running))

    lines = reply.getvalue().decode().splitlines()
    assert reply["Content-Disposition"].startswith("attachment")
    assert lines[0] == "metric,step,time,value"
    assert set(lines[1:]) == {
        "loss,0,2026-09-21T14:13:20+00:00,0.5",
        "loss,1,2026-09-21T14:13:21+00:00,0.25",
        "loss,2,2026-09-21T14:13:22+00:00,-Infinity",
        'phase,,2026-09-21T14:13:20+00:00,"a,b"',
    }


# Series


def test_charts_get_thinned_curves_with_the_extremes_of_each_bucket(signed_in, running):
    log(running, *curve("loss", *[float(step % 100) for step in range(5_000)]))
    folding.fold(running)

    answer = signed_in.get(address("run-series", running), {"key": "loss", "buckets": 50}).json()

    [found] = answer["series"]
    assert answer["is_open"] is True
    assert found["count"] == 5_000
    assert len(found["x"]) <= 52
    assert min(found["min"]) == 0.0
    assert max(found["max"]) == 99.0


def test_charts_get_a_gap_and_a_mark_for_nan(signed_in, running):
    log(
        running,
        *curve("loss", 1.0),
        {"key": "loss", "number": "NaN", "step": 1},
        {"key": "loss", "value": 2.0, "step": 2},
    )

    [found] = signed_in.get(address("run-series", running), {"key": "loss"}).json()["series"]

    assert found["last"] == [1.0, None, 2.0]
    assert found["not_finite"] == [[1, "NaN"]]


def test_zooming_asks_for_the_range_alone(signed_in, running):
    log(running, *curve("loss", *range(1_000)))

    [found] = signed_in.get(address("run-series", running), {"key": "loss", "from": 100, "to": 110}).json()["series"]

    assert found["x"] == list(range(99, 112))


def test_a_chart_that_asks_again_hears_that_nothing_changed_until_something_does(signed_in, running):
    log(running, *curve("loss", 1.0))
    asked = {"key": "loss"}
    etag = signed_in.get(address("run-series", running), asked)["ETag"]

    again = signed_in.get(address("run-series", running), asked, headers={"If-None-Match": etag})
    log(running, {"key": "loss", "value": 2.0, "step": 1})
    more = signed_in.get(address("run-series", running), asked, headers={"If-None-Match": etag})
    lifecycle.complete(running)
    ended = signed_in.get(address("run-series", running), asked, headers={"If-None-Match": more["ETag"]})

    assert again.status_code == 304
    assert len(more.json()["series"][0]["x"]) == 2
    assert ended.json()["is_open"] is False


@pytest.mark.parametrize("asked", [{"x": "nope"}, {"buckets": "10000000"}, {"from": "2", "to": "1"}])
def test_a_series_that_cannot_be_is_refused(signed_in, running, asked):
    log(running, *curve("loss", 1.0))

    assert signed_in.get(address("run-series", running), {"key": "loss"} | asked).status_code == 422
