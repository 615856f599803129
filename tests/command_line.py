"""A command line in this process: what was typed, what it printed, what it gave back."""

import json
import shlex
from collections.abc import Callable

import pytest

from tests import factories


class CommandLine:
    """A program's lines as typed, with what the last one printed."""

    def __init__(self, main: Callable[[list[str]], int], capsys):
        self._main = main
        self._capsys = capsys
        self.out = self.err = ""

    def __call__(self, line: str, *more: str) -> int:
        code = self._main([*shlex.split(line), *more])
        self.out, self.err = self._capsys.readouterr()
        return code

    def json(self, line: str, *more: str):
        assert self(line, *more) == 0, self.err
        return json.loads(self.out)


@pytest.fixture
def at_home(capsys, tmp_path, monkeypatch):
    """Makes a command line of a program; nobody is signed in, and no folder above is attached."""
    for name in ("RUNSTUDIO_URL", "RUNSTUDIO_TOKEN", "RUNSTUDIO_WORKSPACE", "RUNSTUDIO_AZ"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RUNSTUDIO_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return lambda main: CommandLine(main, capsys)


@pytest.fixture
def signed_in(live_server, workspace, alice, monkeypatch):
    """alice is signed in to the server that runs."""
    monkeypatch.setenv("RUNSTUDIO_URL", live_server.url)
    monkeypatch.setenv("RUNSTUDIO_TOKEN", factories.make_token(alice, workspace=workspace))
