"""docs/settings.md and the code name the same variables, with the same defaults."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
READERS = {"text", "number", "flag", "words", "folder", "database"}


def variables_of_the_server() -> dict[str, object]:
    """Each variable that settings.py reads, with its default where that is written as a plain value."""
    found: dict[str, object] = {}
    for node in ast.walk(ast.parse((ROOT / "studio/settings.py").read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in READERS:
            name, *rest = node.args
            default = rest[0].value if rest and isinstance(rest[0], ast.Constant) else None
            found.setdefault(ast.literal_eval(name), default)
    return found


def variables_of_the_sdk() -> set[str]:
    texts = "".join(file.read_text() for file in (ROOT / "sdk/runstudio").rglob("*.py"))
    return set(re.findall(r"environ(?:\.get\(|\[)\"(RUNSTUDIO_[A-Z_]+)\"", texts))


def documented() -> dict[str, str]:
    """The variables of the tables, with the text of their default."""
    rows = re.findall(r"^\| `([A-Z0-9_]+)` \| (.*?) \|", (ROOT / "docs/settings.md").read_text(), flags=re.MULTILINE)
    return dict(rows)


def test_every_variable_is_documented_and_no_other():
    of_a_script = {"RUNSTUDIO_RUN_ID", "RUNSTUDIO_EXPERIMENT"}  # set by the agent, not by people

    assert set(documented()) == set(variables_of_the_server()) | (variables_of_the_sdk() - of_a_script)


def test_the_documented_defaults_are_those_of_the_code():
    shown = documented()
    wrong = {
        name: shown[name]
        for name, default in variables_of_the_server().items()
        if isinstance(default, (bool, int)) and shown[name] != f"`{int(default)}`"
    }

    assert wrong == {}
