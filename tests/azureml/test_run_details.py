"""The widget in a notebook: it is drawn at once, drawn again as the run goes on, and left alone when the run has ended."""

import sys
from types import SimpleNamespace

import pytest
from azureml.widgets import RunDetails, _run_details

from tests.agent.processes import wait_for


class Notebook:
    """What IPython is to the widget: a shell with a kernel, and a display whose output can be drawn again."""

    def __init__(self):
        self.drawn = []
        self.display = SimpleNamespace(HTML=str, display=self._display)

    def get_ipython(self):
        return SimpleNamespace(kernel=object())

    def update(self, drawn):
        self.drawn.append(drawn)

    def _display(self, drawn, display_id):
        assert display_id is True
        self.drawn.append(drawn)
        return self


class ARun:
    """A run that ends after it was looked at a few times."""

    id, display_name = "r1", "first <b>"
    experiment = SimpleNamespace(name="mnist")

    def __init__(self, looks: int):
        self.looks = looks

    def get_details(self):
        self.looks -= 1
        status = "Completed" if self.looks <= 0 else "Running"
        return {"status": status, "properties": {}, "target": "local", "startTimeUtc": "2026-01-01T10:00:00Z"}

    def get_metrics(self):
        return {"loss": [0.5, 0.25], "row": {"a": 1, "b": 2}}

    def get_children(self):
        yield SimpleNamespace(id="r1.1", display_name="kid", status="Running")

    def get_tags(self):
        return {}

    def get_portal_url(self):
        return "http://studio/w/default/runs/r1"


@pytest.fixture
def notebook(monkeypatch):
    notebook = Notebook()
    monkeypatch.setitem(sys.modules, "IPython", notebook)
    monkeypatch.setitem(sys.modules, "IPython.display", notebook.display)
    monkeypatch.setattr(_run_details, "PAUSE_S", 0.01)
    return notebook


def test_the_table_follows_the_run_to_its_end_and_no_further(notebook):
    widget = RunDetails(ARun(looks=3))

    widget.show()
    wait_for(lambda: not widget._watch.is_alive(), "the end of the watching")

    assert ["Completed" in drawn for drawn in notebook.drawn] == [False, False, True]


def test_what_is_shown_is_escaped_and_links_to_the_run(notebook):
    RunDetails(ARun(looks=1)).show()

    assert "first &lt;b&gt; (r1)" in notebook.drawn[0]
    assert 'href="http://studio/w/default/runs/r1"' in notebook.drawn[0]
    assert "0.25 (last of 2)" in notebook.drawn[0]
    assert "table: a, b" in notebook.drawn[0]


def test_a_terminal_gets_text(capsys):
    RunDetails(ARun(looks=5)).show()

    assert "Status       Running\n" in capsys.readouterr().out
