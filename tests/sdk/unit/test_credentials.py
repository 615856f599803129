"""Which server, with which token: the file, and the variables over it."""

from __future__ import annotations

import json
import stat

import pytest
from runstudio import _credentials
from runstudio._credentials import Server
from runstudio.errors import AuthenticationException, UserErrorException

NEAR, FAR = "http://127.0.0.1:8000", "https://runs.example.com/studio"


def test_what_is_saved_is_found_again_by_its_owner_alone(home):
    path = _credentials.save(Server(NEAR, "rs_1", "default"))

    assert _credentials.find() == Server(NEAR, "rs_1", "default")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in home.iterdir() if entry.name != "tmp"] == ["credentials.json"]
    assert json.loads(path.read_text()) == {
        "default": NEAR,
        "servers": {NEAR: {"token": "rs_1", "workspace": "default"}},
    }


def test_a_second_server_is_kept_beside_the_first():
    _credentials.save(Server(NEAR, "rs_1", "default"))
    _credentials.save(Server(FAR + "/", "rs_2", "vision"), make_default=False)

    assert _credentials.find().url == NEAR
    assert _credentials.find(url=FAR) == Server(FAR, "rs_2", "vision")


def test_forgetting_the_default_makes_another_one_the_default():
    _credentials.save(Server(NEAR, "rs_1"))
    _credentials.save(Server(FAR, "rs_2"))

    assert _credentials.forget(FAR)
    assert not _credentials.forget(FAR)
    assert _credentials.find().url == NEAR


def test_variables_override_the_file(monkeypatch):
    _credentials.save(Server(NEAR, "rs_1", "default"))
    monkeypatch.setenv("RUNSTUDIO_URL", FAR)
    monkeypatch.setenv("RUNSTUDIO_TOKEN", "rs_run")
    monkeypatch.setenv("RUNSTUDIO_WORKSPACE", "vision")

    assert _credentials.find() == Server(FAR, "rs_run", "vision")
    assert _credentials.find(workspace="sound").workspace == "sound"


def test_a_token_of_the_environment_is_shown_to_its_own_server_alone(monkeypatch):
    _credentials.save(Server(NEAR, "rs_1"))
    _credentials.save(Server(FAR, "rs_2"), make_default=False)
    monkeypatch.setenv("RUNSTUDIO_TOKEN", "rs_run")

    assert _credentials.find(url=NEAR).token == "rs_run"
    assert _credentials.find(url=FAR).token == "rs_2"


def test_nobody_signed_in_is_told_how_to(monkeypatch):
    with pytest.raises(AuthenticationException, match="studio login"):
        _credentials.find()
    monkeypatch.setenv("RUNSTUDIO_URL", NEAR)
    with pytest.raises(AuthenticationException, match=f"No token for {NEAR}"):
        _credentials.find()


@pytest.mark.parametrize("text", ["{", "[]", '{"servers": []}', '{"servers": {"nowhere": {}}}'])
def test_a_damaged_file_is_told_with_its_path(text, home):
    (home / "credentials.json").write_text(text)

    with pytest.raises(UserErrorException, match=r"credentials\.json is damaged"):
        _credentials.find()


@pytest.mark.parametrize(
    ("given", "tidy"),
    [
        ("HTTP://LocalHost:8000/", "http://localhost:8000"),
        ("https://Example.com", "https://example.com"),
        (" http://[::1]:80/x/ ", "http://[::1]:80/x"),
    ],
)
def test_an_address_has_one_form(given, tidy):
    assert _credentials.tidy_url(given) == tidy


@pytest.mark.parametrize("given", ["", "localhost:8000", "ftp://example.com", "http://", "http://host:port"])
def test_what_is_no_address_is_refused(given):
    with pytest.raises(UserErrorException, match="is no server's address"):
        _credentials.tidy_url(given)


def test_a_token_is_never_printed():
    assert "rs_1" not in repr(Server(NEAR, "rs_1"))
