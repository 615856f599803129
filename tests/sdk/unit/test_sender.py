"""From `run.log` to the server: quick, in order, once, whatever the server does meanwhile."""

from __future__ import annotations

import statistics
import threading
import time

import pytest
from runstudio import _courier, _scribe, _spool
from runstudio._credentials import Server
from runstudio._sender import Sender
from runstudio._transport import Transport
from runstudio.errors import AuthenticationException, ServiceException, UserErrorException

from tests.sdk.unit.conftest import wait_for


@pytest.fixture
def make_sender(studio):
    """Senders of this process; what they hold is sent before the studio goes."""
    made = []

    def make(token=studio.token):
        made.append(Sender(Transport(Server(studio.url, token, "default")), on_start=lambda: None))
        return made[-1]

    yield make
    for sender in made:
        sender.flush(timeout_s=10.0, closes=True)


@pytest.fixture
def sender(studio, make_sender):
    studio.add_run("r")
    return make_sender()


def make_run(sender, run_id="r"):
    return sender.act("POST", "/runs", {"experiment": "e", "run_id": run_id})


def test_a_point_is_on_the_server_within_two_seconds_by_itself(sender, studio):
    began = time.monotonic()
    sender.log("r", "x", 1)

    wait_for(lambda: studio.values("r", "x") == [1], "the point is there")

    assert time.monotonic() - began < 2.0


def test_many_points_are_few_requests(sender, studio):
    for number in range(20_000):
        sender.log("r", "x", number)
    assert sender.flush(timeout_s=30)

    assert studio.values("r", "x") == list(range(20_000))
    assert len([path for _, path in studio.calls if path.endswith("/metrics")]) < 40


def test_equal_values_logged_twice_stay_two_points_from_many_threads(sender, studio):
    def log():
        for _ in range(500):
            sender.log("r", "x", 1)

    threads = [threading.Thread(target=log) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sender.flush(timeout_s=30)

    times = [point["time"] for point in studio.points]
    assert len(times) == len(set(times)) == 4_000


def test_an_idle_sender_sleeps(sender, studio):
    sender.log("r", "x", 1)
    sender.flush(timeout_s=10)
    waits = []
    wake = sender._courier._wake
    wake.wait, original = lambda timeout=None: waits.append(timeout) or original(timeout), wake.wait

    time.sleep(0.3)

    assert waits == []


def test_a_change_stays_behind_what_was_logged_before_it(sender, studio):
    sender.log("r", "x", 1)
    sender.act("POST", "/runs/r/complete", {})

    paths = [path for _, path in studio.calls]
    assert paths == ["/runs/r/metrics", "/runs/r/complete"]


def test_a_refused_change_raises_where_it_was_made(sender, studio):
    sender.act("POST", "/runs/r/properties", {"properties": {"a": "1"}})

    with pytest.raises(ServiceException) as caught:
        sender.act("POST", "/runs/r/properties", {"properties": {"a": "2"}})

    assert caught.value.error_code == "property_is_fixed"
    assert sender.is_clear


def test_a_refused_batch_is_told_and_set_aside_and_the_next_ones_get_by(sender, studio, capsys, home):
    sender.log("unknown", "x", 1)
    sender.log("r", "x", 2)

    assert sender.flush(timeout_s=10)
    assert studio.values("r", "x") == [2]
    told = capsys.readouterr().err
    assert "There is no run unknown" in told
    assert len(list((home / "spool").glob("*.refused"))) == 1


@pytest.mark.parametrize("kind", [503, "cut", "swallow", "half"])
def test_trouble_on_the_way_doubles_nothing_and_is_not_worth_a_word(kind, sender, studio, capsys):
    studio.fail_next(kind, on="/metrics", times=2)
    for number in range(100):
        sender.log("r", "x", number)

    assert sender.flush(timeout_s=30)
    assert studio.values("r", "x") == list(range(100))
    assert capsys.readouterr().err == ""


def test_a_server_error_is_tried_again_and_then_set_aside(sender, studio, capsys, monkeypatch):
    monkeypatch.setattr(_courier, "_LONGEST_PAUSE_S", 0.05)
    studio.fail_next(500, on="/metrics", times=_courier._SERVER_ERRORS_TAKEN)
    sender.log("r", "poison", 1)
    sender.flush(timeout_s=10)
    sender.log("r", "x", 2)

    wait_for(lambda: studio.values("r", "x") == [2], "the next batch is there")

    assert studio.values("r", "poison") == []
    assert "not now" in capsys.readouterr().err


# The server is away


def test_while_the_server_is_away_the_script_goes_on_at_full_speed(sender, studio, capsys):
    studio.stop()
    sender.log("r", "x", 0)
    wait_for(lambda: sender.is_away, "the absence is noticed")

    costs = []
    for number in range(1, 5_000):
        began = time.perf_counter_ns()
        sender.log("r", "x", number)
        costs.append(time.perf_counter_ns() - began)
    began = time.monotonic()
    assert sender.act("POST", "/runs/r/tags", {"tags": {"a": "b"}}) is None
    assert sender.act("POST", "/runs/r/complete", {}) is None
    changes_s = time.monotonic() - began

    assert statistics.median(costs) < 20_000
    assert changes_s < 0.1
    studio.start()
    wait_for(lambda: studio.runs["r"]["status"] == "Completed", "everything has arrived", 30)
    assert studio.values("r", "x") == list(range(5_000))
    assert studio.runs["r"]["tags"] == {"a": "b"}
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1
    assert "Connection refused" in told[0]
    assert "studio sync" in told[0]


def test_a_whole_run_made_while_the_server_is_away_arrives_in_order(make_sender, studio):
    sender = make_sender()
    studio.stop()
    assert make_run(sender) is None
    sender.log("r", "x", 1)
    sender.act("POST", "/runs/r/tags", {"tags": {"a": "b"}})
    sender.log("r", "x", 2)
    sender.act("POST", "/runs/batch", {"experiment": "e", "parent": "r", "runs": [{"run_id": "c"}]})
    sender.log("c", "x", 3)
    sender.act("POST", "/runs/r/complete", {})

    studio.start()

    wait_for(lambda: sender.is_clear, "everything has arrived", 30)
    assert studio.runs["r"]["status"] == "Completed"
    assert studio.runs["c"]["parent_run_id"] == "r"
    assert (studio.values("r", "x"), studio.values("c", "x")) == ([1, 2], [3])


def test_what_arrives_late_says_how_late(make_sender, studio, monkeypatch):
    monkeypatch.setattr("runstudio._delivery._LATE_S", 0.2)
    sender = make_sender()
    studio.stop()
    make_run(sender)
    time.sleep(0.3)
    studio.start()
    wait_for(lambda: sender.is_clear, "everything has arrived", 30)

    sender.act("POST", "/runs/r/complete", {})

    told = [float(headers.get("Studio-Seconds-Ago", 0)) for headers in studio.headers]
    assert 0.3 < told[0] < 30
    assert told[-1] == 0


def test_a_long_absence_costs_disk_and_no_memory(sender, studio, monkeypatch):
    monkeypatch.setattr(_scribe, "MOST_WAITING", 2_000)
    studio.stop()
    sender.log("r", "x", 0)
    wait_for(lambda: sender.is_away, "the absence is noticed")

    for number in range(1, 30_000):
        sender.log("r", "x", number)

    assert len(sender._inbox.items) <= _scribe.MOST_WAITING
    wait_for(lambda: not sender._inbox.items, "memory is empty", 30)
    assert not sender._spool._memory
    studio.start()
    assert sender.flush(timeout_s=60)
    assert len(studio.points) == 30_000


def test_an_absence_that_a_reader_notices_is_not_told_twice(sender, studio, capsys):
    from runstudio.errors import ServerUnreachable

    studio.stop()
    sender.hear_of_absence(ServerUnreachable("It does not answer."))
    sender.log("r", "x", 1)
    assert not sender.flush(timeout_s=10)

    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_flush_asks_again_although_the_server_was_away(sender, studio):
    studio.stop()
    sender.log("r", "x", 1)
    assert not sender.flush(timeout_s=10)
    studio.start()

    assert sender.flush(timeout_s=10)
    assert studio.values("r", "x") == [1]


def test_a_token_that_is_revoked_meanwhile_keeps_what_is_logged(sender, studio, capsys):
    sender.log("r", "x", 1)
    sender.flush(timeout_s=10)
    studio.token = "rs_another"
    sender.log("r", "x", 2)

    assert not sender.flush(timeout_s=10)
    assert "The token is not known." in capsys.readouterr().err
    studio.token = "rs_good"
    assert sender.flush(timeout_s=10)
    assert studio.values("r", "x") == [1, 2]


def test_a_wrong_token_is_told_at_the_first_change(make_sender):
    with pytest.raises(AuthenticationException):
        make_run(make_sender("rs_wrong"))


def test_a_server_that_hangs_holds_up_neither_logging_nor_the_disk(sender, studio, monkeypatch, home):
    studio.fail_next("hang", on="/metrics")
    sender.log("r", "x", 0)
    wait_for(lambda: studio.calls, "the request hangs")

    for number in range(1, 1_000):
        sender.log("r", "x", number)

    wait_for(lambda: sender._spool.appended >= 2, "the points are on disk", 2.0)
    studio.release.set()
    wait_for(lambda: sender.flush(timeout_s=30), "everything has arrived")
    assert studio.values("r", "x") == list(range(1_000))


def test_a_wrong_argument_is_refused_at_once_and_the_rest_goes_on(sender, studio):
    with pytest.raises(UserErrorException):
        sender.log("r", "x", [1, 2])
    with pytest.raises(UserErrorException):
        sender.log("r", "", 1)
    sender.log("r", "x", 3, step=4.0)

    sender.flush(timeout_s=10)
    assert [(point["value"], point["step"]) for point in studio.points] == [(3, 4)]


def test_nothing_is_left_on_disk_when_a_sender_is_closed(sender, studio, home):
    sender.log("r", "x", 1)
    sender.flush(timeout_s=10, closes=True)
    assert list((home / "spool").glob("*.spool")) == []

    sender.log("r", "x", 2)

    assert studio.values("r", "x") == [1, 2]


def test_a_disk_that_is_full_loses_nothing_while_the_server_answers(sender, studio, monkeypatch, capsys):
    def full(server):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_spool, "_create", full)
    for number in range(100):
        sender.log("r", "x", number)

    assert sender.flush(timeout_s=10)
    assert studio.values("r", "x") == list(range(100))
    assert "kept in memory only" in capsys.readouterr().err
