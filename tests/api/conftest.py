"""Clients of the API: one for each of the cast, with a token of every scope."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from tests import factories


class Client(APIClient):
    """`client.send("POST", "/runs", {…})`: paths below /api/v1, bodies as JSON, answers with `.json()`."""

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        data = "" if body is None else json.dumps(body)
        return self.raw(method, path, data, "application/json", **headers)

    def raw(self, method: str, path: str, data: str | bytes = b"", content_type: str = "", **headers: str) -> Any:
        return self.generic(method, f"/api/v1{path}", data, content_type=content_type, headers=headers)


@pytest.fixture
def client_of() -> Callable[..., Client]:
    """`client_of(user, "read")`: a client with a token of some scopes; of all, when none are named."""

    def make(user, *scopes, workspace=None) -> Client:
        client = Client()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {factories.make_token(user, *scopes, workspace=workspace)}")
        return client

    return make


@pytest.fixture
def api(alice, workspace, client_of) -> Client:
    """The owner's client."""
    return client_of(alice)


@pytest.fixture
def stranger(charlie, workspace, client_of) -> Client:
    """A client of somebody who is a member of another workspace only."""
    return client_of(charlie)


@pytest.fixture
def anybody() -> Client:
    """A client that shows nothing."""
    return Client()
