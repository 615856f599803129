"""The words in which an end is told."""

import pytest
from runstudio.agent import outcome
from runstudio.agent.drivers.base import JobState


@pytest.fixture
def described(tmp_path):
    """What is told of an end, given the log and the state."""

    def describe(log: "str | bytes", **state) -> dict:
        (tmp_path / "log").write_bytes(log if isinstance(log, bytes) else log.encode())
        return outcome.describe(JobState(is_running=False, **state), tmp_path / "log")

    return describe


RAISED = """Traceback (most recent call last):
  File "train.py", line 5, in <module>
    train()
  File "train.py", line 3, in train
    raise ValueError("bad")
ValueError: bad
"""

CHAINED = """epoch 1
Traceback (most recent call last):
  File "a.py", line 1, in <module>
    {}["x"]
KeyError: 'x'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "a.py", line 3, in <module>
    raise RuntimeError("no such layer: x")
RuntimeError: no such layer: x
"""


def test_a_success_needs_no_words(described):
    assert described(RAISED, exit_code=0) == {"exit_code": 0, "signal": "", "message": "", "traceback": ""}


def test_the_message_is_the_line_that_names_the_error(described):
    told = described("epoch 1\n" + RAISED, exit_code=1)

    assert told["message"] == "ValueError: bad"
    assert told["traceback"] == RAISED.rstrip()


def test_chained_errors_are_shown_together_and_the_last_one_is_the_message(described):
    told = described(CHAINED, exit_code=1)

    assert told["message"] == "RuntimeError: no such layer: x"
    assert told["traceback"].startswith("Traceback (most recent call last):")
    assert "KeyError: 'x'" in told["traceback"]
    assert "epoch 1" not in told["traceback"]


def test_an_error_that_was_caught_long_before_is_not_the_reason_of_another_exit_code(described):
    assert described(RAISED + "goes on\n" * 5, exit_code=3)["message"] == "Ended with exit code 3"


def test_of_a_deep_traceback_the_end_is_shown(described):
    frames = "".join(f'  File "a.py", line {n}, in f\n    f({n})\n' for n in range(200))
    told = described(f"Traceback (most recent call last):\n{frames}RecursionError: too deep\n", exit_code=1)

    lines = told["traceback"].splitlines()
    assert told["message"] == "RecursionError: too deep"
    assert len(lines) == outcome.TRACEBACK_LINES
    assert (lines[0], lines[-1]) == ("…", "RecursionError: too deep")


def test_without_a_traceback_the_last_lines_are_shown(described):
    told = described("".join(f"line {n}\n" for n in range(100)), exit_code=7)

    assert told["message"] == "Ended with exit code 7"
    assert told["traceback"].splitlines() == [f"line {n}" for n in range(60, 100)]


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"signal": "SIGKILL"}, "Killed by SIGKILL (out of memory?)"),
        ({"signal": "SIGSEGV"}, "Ended by SIGSEGV"),
        ({"exit_code": 137}, "Ended with exit code 137 (SIGKILL)"),
        ({"exit_code": 255}, "Ended with exit code 255"),
        ({"note": "It could not be started."}, "It could not be started."),
    ],
)
def test_an_end_without_an_exception_is_named(described, state, message):
    assert described("", **state)["message"] == message


def test_colours_progress_bars_and_odd_bytes_do_not_reach_the_message(described):
    told = described(b"\x1b[31m 10%\r 50%\r100%\x1b[0m\n\xff\x00end\n", exit_code=2)

    assert told["traceback"].splitlines() == ["100%", "\ufffdend"]


def test_a_missing_log_is_an_empty_one(tmp_path):
    told = outcome.describe(JobState(is_running=False, exit_code=1), tmp_path / "none")

    assert (told["message"], told["traceback"]) == ("Ended with exit code 1", "")
