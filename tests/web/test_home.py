"""Addresses that lead on: the bare workspace, and short links."""

import pytest

from runs import experiments
from tests import factories


@pytest.fixture
def signed_in(client, alice):
    client.force_login(alice)
    return client


@pytest.mark.parametrize("address", ["/w/default", "/w/default/"])
def test_a_bare_workspace_leads_to_its_runs(signed_in, workspace, address):
    assert signed_in.get(address).url == "/w/default/runs"


def test_a_short_link_leads_to_the_experiment_in_its_workspace(signed_in, experiment):
    there = experiments.create(factories.make_workspace("vision"), "Pets", experiment_id="7")

    reply = signed_in.get("/experiments/7")

    assert reply.url == "/w/vision/experiments/7"
    assert there.name in signed_in.get(reply.url).text


def test_an_experiment_that_every_workspace_has_is_that_of_the_workspace_seen_last(signed_in, workspace):
    vision = factories.make_workspace("vision")
    for each in (workspace, vision):
        experiments.default(each)
    signed_in.get("/w/vision/runs")

    assert signed_in.get("/experiments/0").url == "/w/vision/experiments/0"


def test_a_stranger_is_led_nowhere(client, charlie, running):
    client.force_login(charlie)

    assert client.get(f"/runs/{running.run_id}").status_code == 404
    assert client.get(f"/experiments/{running.experiment.experiment_id}").status_code == 404


@pytest.mark.parametrize("name", ["/Users/mina park/digits", "a/b", "..", "50% of it?"])
def test_pages_link_an_experiment_whatever_a_client_has_named_it(signed_in, workspace, name):
    odd = experiments.create(workspace, name, experiment_id="odd")
    run = factories.make_run(odd)
    address = "/w/default/experiments/50%25%20of%20it%3F" if "%" in name else "/w/default/experiments/odd"

    for page in ("/w/default/runs", "/w/default/experiments", f"/w/default/runs/{run.run_id}", address):
        reply = signed_in.get(page)
        assert reply.status_code == 200
        assert f'href="{address}' in reply.text or page == address
