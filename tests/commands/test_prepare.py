"""`manage.py prepare`: what it makes, and that repeating it changes nothing."""

import io
import json
import stat
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from runs import access
from runs.models import Token, Workspace

URL = "http://127.0.0.1:8123"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("RUNSTUDIO_HOME", str(tmp_path))
    return tmp_path


def prepared(*words: str) -> dict:
    out = io.StringIO()
    call_command("prepare", "--local-url", URL, *words, stdout=out)
    return json.loads(out.getvalue())


def test_it_prints_who_may_sign_in_where(db):
    answer = prepared("--compute", "local", "--compute", "gpu-box")

    assert answer["owner"] == "owner"
    user = access.use_sign_in_link(answer["sign_in"].rpartition("/")[2])
    assert user.get_username() == "owner"
    assert set(Workspace.objects.get().compute_targets.values_list("name", flat=True)) == {"local", "gpu-box"}


def test_it_signs_this_user_in_with_a_file_that_nobody_else_reads(db, home):
    prepared()

    file = home / "credentials.json"
    kept = json.loads(file.read_text())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert kept["default"] == URL
    assert kept["servers"][URL]["workspace"] == "default"
    assert access.caller_for_token(kept["servers"][URL]["token"])[0].get_username() == "owner"


def test_repeated_it_keeps_the_token_and_gives_another_address(db, home):
    first = prepared()
    kept = (home / "credentials.json").read_text()

    second = prepared()

    assert (home / "credentials.json").read_text() == kept
    assert Token.objects.count() == 1
    assert first["sign_in"] != second["sign_in"]


def test_the_tokens_of_other_servers_stay(db, home):
    other = {"https://studio.example.org": {"token": "t", "workspace": "vision"}}
    (home / "credentials.json").write_text(json.dumps({"default": "https://studio.example.org", "servers": other}))

    answer = prepared()

    kept = json.loads((home / "credentials.json").read_text())
    assert kept["default"] == "https://studio.example.org"
    assert kept["servers"]["https://studio.example.org"] == other["https://studio.example.org"]
    assert f"RUNSTUDIO_URL={URL}" in answer["notes"][0]


@pytest.mark.parametrize("damage", ["{", "[]", "\x00"])
def test_a_damaged_file_is_left_alone_and_named(db, home, damage):
    (home / "credentials.json").write_text(damage)

    with pytest.raises(CommandError, match=r"credentials\.json"):
        prepared()

    assert (home / "credentials.json").read_text() == damage


def test_static_files_are_collected_once_and_again_when_one_changes(db, settings, tmp_path):
    source, settings.STUDIO_DATA_DIR = tmp_path / "source", tmp_path / "data"
    source.mkdir()
    (source / "page.css").write_text("a{}")
    settings.STATICFILES_DIRS, settings.STATIC_ROOT = [source], tmp_path / "data" / "static"
    settings.STATIC_ROOT.mkdir(parents=True)
    prepared()
    collected = settings.STATIC_ROOT / "page.css"
    first = collected.stat().st_mtime_ns

    prepared()
    assert collected.stat().st_mtime_ns == first

    (source / "page.css").write_text("a{color:red}")
    prepared()
    assert collected.read_text() == "a{color:red}"
