"""What a `with run:` block prints becomes a file of the run."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import pytest


def stored(studio) -> dict[str, bytes]:
    return {path.split("/artifacts/")[1]: data for path, data in studio.artifacts.items()}


def test_what_is_printed_in_the_block_is_kept_and_still_seen(experiment, studio, capsys):
    print("before")
    with experiment.start_logging() as run:
        print("inside", 1)
        print("trouble", file=sys.stderr)
        run.log("x", 1)
    print("after")

    assert stored(studio) == {"logs/user_log.txt": b"inside 1\ntrouble\n"}
    told = capsys.readouterr()
    assert (told.out, told.err) == ("before\ninside 1\nafter\n", "trouble\n")


def test_the_logs_folder_is_kept_too(experiment, studio):
    with experiment.start_logging():
        Path("logs").mkdir()
        Path("logs", "train.txt").write_text("epoch 1")

    assert stored(studio) == {"logs/train.txt": b"epoch 1"}


def fail(experiment) -> None:
    with experiment.start_logging():
        print("failed")
        raise ValueError("bad data")


def test_the_streams_are_given_back_however_the_block_ends(experiment, studio):
    before = sys.stdout, sys.stderr

    with experiment.start_logging() as run:
        print("ended within")
        run.complete()
    assert (sys.stdout, sys.stderr) == before

    with pytest.raises(ValueError, match="bad data"):
        fail(experiment)
    assert (sys.stdout, sys.stderr) == before
    assert [run["status"] for run in studio.runs.values()] == ["Completed", "Failed"]
    assert b"failed\n" in studio.artifacts.values()


def test_a_stream_that_was_kept_beyond_the_block_goes_on_working(experiment, studio, capsys):
    logger = logging.getLogger("kept")
    logger.propagate = False
    with experiment.start_logging():
        handler = logging.StreamHandler()
        logger.addHandler(handler)
        logger.warning("inside")
    logger.warning("outside")
    logger.removeHandler(handler)

    assert stored(studio) == {"logs/user_log.txt": b"inside\n"}
    assert capsys.readouterr().err == "inside\noutside\n"


def test_a_block_that_prints_nothing_makes_no_file_nor_does_a_child(experiment, studio):
    with experiment.start_logging() as run:
        pass
    parent = experiment.start_logging(outputs=False)
    with parent, parent.child_run() as child:
        print("a child")

    assert stored(studio) == {}
    assert run.id != child.id


def test_a_server_that_goes_away_in_the_block_stops_nothing(experiment, studio, capsys):
    with experiment.start_logging() as run:
        print("inside")
        studio.stop()
        run.log("x", 1)
    assert run.get_status() == "Completed"
    studio.start()
    run._session.sender.flush(timeout_s=30)
