"""
The cast: alice owns the workspace `default`, bob is her colleague (contributor), charlie is a stranger with a workspace
of his own.
"""

import gc
import signal

import pytest
from django.contrib.auth.models import User

from runs import access
from runs.models import Experiment, Role, Run, Status, Workspace
from tests import factories
from tests.command_line import at_home as at_home  # fixtures for every room
from tests.command_line import signed_in as signed_in
from tests.live import live_studio as live_studio  # a fixture for every room


@pytest.fixture(scope="session", autouse=True)
def _what_is_loaded_stays():
    # A fifth of the time would go into looking for garbage among modules, classes and compiled templates.
    gc.freeze()
    gc.disable()


@pytest.fixture(scope="session", autouse=True)
def _interrupts_are_heard():
    # A shell that starts the tests in the background has them ignored, and every process below inherits that.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _nothing_leaks_between_tests():
    access.forget_tokens()


@pytest.fixture
def alice(db) -> User:
    return factories.make_user("alice")


@pytest.fixture
def workspace(alice) -> Workspace:
    return factories.make_workspace("default", owner=alice)


@pytest.fixture
def bob(workspace) -> User:
    return factories.make_member(workspace, "bob", Role.CONTRIBUTOR)


@pytest.fixture
def reader(workspace) -> User:
    return factories.make_member(workspace, "rita", Role.READER)


@pytest.fixture
def charlie(db) -> User:
    user = factories.make_user("charlie")
    factories.make_workspace("elsewhere", owner=user)
    return user


@pytest.fixture
def experiment(workspace) -> Experiment:
    return factories.make_experiment(workspace)


@pytest.fixture
def running(experiment) -> Run:
    return factories.make_run(experiment)


@pytest.fixture
def ended(experiment) -> Run:
    return factories.make_run(experiment, status=Status.COMPLETED)
