"""docs/from-azureml.md against the package: every call of its tables is there or refused, and every name of ours is told."""

import importlib
import re

import azureml.core
import pytest
from azureml import _not_offered, telemetry, widgets
from azureml.core import authentication, compute, experiment, runconfig
from runstudio._cli import az
from runstudio._offline import OfflineRun

from tests.live import ROOT

TEXT = (ROOT / "docs" / "from-azureml.md").read_text(encoding="utf-8")
TABLES = TEXT.split("## Every call")[1]
ROW = re.compile(r"^\| (?P<calls>`.+?`) \| (?P<verdict>[a-z ]+) \|", re.MULTILINE)
VERDICTS = {
    call: row["verdict"] for row in ROW.finditer(TABLES) for call in re.findall(r"`([^`]+)`", row["calls"])
}  # fmt: skip
SHELL = {call for call in VERDICTS if call.startswith("az ")}
CALLS = sorted(set(VERDICTS) - SHELL)

PLACES = (azureml.core, runconfig, authentication, compute, experiment, widgets, telemetry, _not_offered)
# Made without a workspace, to have the attributes that a constructor sets.
SAMPLES = {
    "Environment": lambda: azureml.core.Environment("e"),
    "RunConfiguration": azureml.core.RunConfiguration,
    "ScriptRunConfig": lambda: azureml.core.ScriptRunConfig(".", "train.py"),
    "Run": OfflineRun,  # whose interface is that of every run
}
CLASSES = sorted({call.partition(".")[0] for call in CALLS if "." in call})


def found(name: str):
    place = next(place for place in PLACES if getattr(place, name, None) is not None)
    return getattr(place, name)


def sample(name: str):
    made = SAMPLES[name]() if name in SAMPLES else None
    return found(name) if made is None else made


def test_the_tables_are_read():
    assert len(CALLS) > 200
    assert set(VERDICTS.values()) == {"same", "better", "not offered"}


@pytest.mark.parametrize("call", [call for call in CALLS if VERDICTS[call] != "not offered"])
def test_a_call_that_is_the_same_or_better_is_there(call):
    name, _, member = call.partition(".")

    there = found(name)

    assert not isinstance(there, _not_offered.NotOffered)
    assert not member or hasattr(there, member) or hasattr(sample(name), member)


@pytest.mark.parametrize("call", [call for call in CALLS if VERDICTS[call] == "not offered"])
def test_a_call_that_is_not_offered_can_be_imported_and_raises_on_use(call):
    name = call.partition(".")[0]

    with pytest.raises(NotImplementedError, match=rf"^{name}\b.* is not offered\b.+\.$"):
        use(call)


def use(call: str) -> None:
    """Call it, or read it, where it is a property."""
    name, _, member = call.partition(".")
    there = found(name)
    if member:
        getattr(there.__new__(there), member)(None)
    else:
        there()


@pytest.mark.parametrize("name", CLASSES)
def test_every_public_name_of_a_class_is_in_the_table(name):
    of_class = {member for member in dir(found(name)) if not member.startswith("_")}
    of_object = {member for member in vars(SAMPLES[name]()) if not member.startswith("_")} if name in SAMPLES else set()
    inherited = {call.partition(".")[2] for call in CALLS if call.startswith("Run.")} if name == "ScriptRun" else set()
    told = {call.partition(".")[2] for call in CALLS if call.startswith(f"{name}.")}

    assert of_class | of_object <= told | inherited


def test_every_name_of_azureml_core_is_in_the_tables():
    told = {call.partition(".")[0] for call in CALLS}

    assert {name for name in azureml.core.__all__ if not name.endswith("Config")} <= told


@pytest.mark.parametrize("command", sorted(SHELL))
def test_a_command_is_known_or_refused_as_the_table_says(command, capsys):
    code = az.main([*command.split()[1:], "--help"])
    out, err = capsys.readouterr()

    if VERDICTS[command] == "not offered":
        assert (code, out) == (1, "")
        assert err.startswith("ERROR: ")
    else:
        assert code == 0
        assert out.startswith(f"usage: {command}")


def test_every_command_is_in_the_table():
    told = {" ".join(command.split()[2:]) for command in SHELL}

    for noun in az.ML.nouns:
        module = importlib.import_module(f"runstudio._cli.{az.ML.modules.get(noun, noun)}")
        parser = az_parser(module)
        verbs = next(iter(parser._subparsers._group_actions)).choices
        assert {f"{noun} {verb}" for verb in verbs} <= told
    assert set(az.ML.refused) <= told


def az_parser(module):
    from runstudio._cli.usage import Parser

    parser = Parser(prog="az ml")
    module.add_to(parser)
    return parser


def test_the_exceptions_of_the_text_are_there():
    exceptions = importlib.import_module("azureml.exceptions")

    assert not issubclass(exceptions.ServiceException, exceptions.AzureMLException)
    assert "InnerException" in str(exceptions.UserErrorException("no"))
