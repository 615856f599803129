"""The tab Monitoring: the machine's own metrics, by the part of the machine."""

import json
import re

import pytest
from django.urls import reverse

from runs.metrics import points, segments
from runs.models import Run

CURVES = {"HX-Request": "true", "HX-Target": "div#run-curves"}
HEAD = {"HX-Request": "true", "HX-Target": "header#run-head"}
OF_MLFLOW = (
    "system/cpu_utilization_percentage",
    "system/system_memory_usage_megabytes",
    "system/gpu_0_memory_usage_percentage",
    "system/gpu_1_utilization_percentage",
    "system/disk_usage_percentage",
    "system/network_receive_megabytes",
)


def address(name: str, run: Run) -> str:
    return reverse(name, args=[run.workspace.name, run.run_id])


def log(run: Run, *keys: str) -> None:
    given = [
        {"key": key, "value": 10.0 + step, "step": step, "time": 1_790_000_000 + 10 * step}
        for key in keys
        for step in range(3)
    ]
    batch, _ = points.decode(json.dumps({"points": given}).encode())
    segments.append(run, batch, batch=None)


def tabs(text: str) -> str:
    return text.split('class="tabs runtabs"')[1].split("</nav>")[0]


def shown(text: str) -> list[str]:
    return re.findall(r'data-key="([^"]*)" data-source', text)


@pytest.fixture
def signed_in(client, alice):
    client.force_login(alice)
    return client


def test_the_machines_metrics_are_grouped_by_the_part_of_the_machine(signed_in, running):
    log(running, *OF_MLFLOW, "system/fan.speed", "loss")

    text = signed_in.get(address("run-monitoring", running)).text

    assert re.findall(r'id="group-([^"]*)"', text) == ["cpu", "memory", "gpu", "disk", "network", "other"]
    assert "</svg> GPU</h2>" in text
    assert shown(text) == [
        OF_MLFLOW[0],
        OF_MLFLOW[1],
        OF_MLFLOW[2],
        OF_MLFLOW[3],
        OF_MLFLOW[4],
        OF_MLFLOW[5],
        "system/fan.speed",
    ]
    assert '<h3 title="system/fan.speed">fan.speed</h3>' in text


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("system/gpu.0.memoryAllocated", "gpu"),
        ("system/proc.memory.rssMB", "memory"),
        ("system/network.sent", "network"),
    ],
)
def test_names_with_dots_as_importers_bring_them_are_understood(signed_in, running, name, group):
    log(running, name)

    assert f'id="group-{group}"' in signed_in.get(address("run-monitoring", running)).text


def test_the_machine_is_drawn_along_time_unless_the_address_says_otherwise(signed_in, running):
    log(running, OF_MLFLOW[0])

    usual = signed_in.get(address("run-monitoring", running)).text
    by_step = signed_in.get(address("run-monitoring", running), {"x": "step"}).text

    assert 'data-usual-x="time"' in usual
    assert 'value="time" checked' in usual
    assert "2026-09-21 14:13:20" in usual.split('class="plot__x"')[1].split("</ul>")[0]
    assert 'value="step" checked' in by_step
    assert "<li>2</li>" in by_step.split('class="plot__x"')[1].split("</ul>")[0]


def test_the_tab_metrics_leaves_the_machine_out(signed_in, running):
    log(running, OF_MLFLOW[0], "loss", "systematic/error")

    text = signed_in.get(address("run-metrics", running)).text

    assert sorted(shown(text)) == ["loss", "systematic/error"]
    assert 'id="n-metrics">2<' in text
    assert 'id="n-monitoring">1<' in text


def test_the_summary_of_the_details_leaves_the_machine_out(signed_in, running):
    log(running, OF_MLFLOW[0], "loss")

    summary = signed_in.get(address("run", running)).text.split('id="summary-h"')[1].split("</section>")[0]

    assert "key=loss" in summary
    assert "system/" not in summary
    assert "All 1<" in summary


def test_a_run_that_ended_without_such_metrics_has_no_such_tab(signed_in, ended):
    log(ended, "loss", "System/cpu")

    assert "Monitoring" not in tabs(signed_in.get(address("run", ended)).text)


def test_a_run_with_such_metrics_has_the_tab_on_every_page_of_it(signed_in, ended):
    log(ended, OF_MLFLOW[0])

    assert address("run-monitoring", ended) in tabs(signed_in.get(address("run-events", ended)).text)
    assert 'aria-current="page">Monitoring' in tabs(signed_in.get(address("run-monitoring", ended)).text)


def test_the_tab_of_an_open_run_counts_as_soon_as_something_comes(signed_in, running):
    before = signed_in.get(address("run", running))
    log(running, OF_MLFLOW[0])
    head = signed_in.get(address("run", running), headers=HEAD)

    assert 'id="n-monitoring"><' in tabs(before.text)  # an empty count: the style sheet shows no such tab
    assert '<hx-partial hx-target="#n-monitoring" hx-swap="textContent">1</hx-partial>' in head.text


def test_the_page_of_an_open_run_keeps_itself_fresh_and_that_of_an_ended_one_does_not(signed_in, running, ended):
    for run in (running, ended):
        log(run, OF_MLFLOW[0])

    assert 'hx-trigger="every 5s"' in signed_in.get(address("run-monitoring", running)).text
    assert 'hx-trigger="every' not in signed_in.get(address("run-monitoring", ended)).text


def test_a_part_of_the_page_brings_the_curves_alone(signed_in, running):
    log(running, OF_MLFLOW[0])

    text = signed_in.get(address("run-monitoring", running), headers=CURVES).text

    assert shown(text) == [OF_MLFLOW[0]]
    assert "<html" not in text
    assert '<path class="ln"' not in text


def test_an_empty_page_says_how_to_get_such_metrics(signed_in, ended):
    text = signed_in.get(address("run-monitoring", ended)).text

    assert "MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING=true" in text


def test_searching_and_the_links_stay_within_the_tab(signed_in, running):
    log(running, *OF_MLFLOW)
    monitoring = address("run-monitoring", running)

    text = signed_in.get(monitoring, {"q": "*gpu*"}).text

    assert shown(text) == [OF_MLFLOW[2], OF_MLFLOW[3]]
    assert f'action="{monitoring}"' in text
    assert f"{monitoring}?view=points&amp;key=system/gpu_1" in text.replace("%2F", "/")


def test_the_points_and_the_values_of_the_machine_are_tables_too(signed_in, running):
    log(running, OF_MLFLOW[0])

    listed = signed_in.get(address("run-monitoring", running), {"view": "values"}).text
    told = signed_in.get(address("run-monitoring", running), {"view": "points", "key": OF_MLFLOW[0]}).text

    assert f'title="{OF_MLFLOW[0]}"' in listed
    assert "2026-09-21 14:13:40" in told
    assert f'href="{address("run-monitoring", running)}">All metrics' in told


def test_a_stranger_sees_no_machine(client, charlie, running):
    client.force_login(charlie)

    assert client.get(address("run-monitoring", running)).status_code == 404
