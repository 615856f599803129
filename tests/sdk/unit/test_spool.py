"""What waits on disk: nothing is lost, nothing is doubled, whoever dies when."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys

import pytest
from runstudio import _credentials, _spool
from runstudio._credentials import Server
from runstudio._delivery import Entry
from runstudio._spool import Spool, SpoolFull, sync
from runstudio._spool_file import SpoolFile

from tests.sdk.unit.conftest import SDK


def points(run_id, number):
    body = {"batch": f"b-{run_id}-{number}", "points": [{"key": "x", "value": number, "time": 1_795_000_000 + number}]}
    return Entry.of("POST", f"/runs/{run_id}/metrics", body).line()


def make(run_id, made_at=None):
    return Entry.of("POST", "/runs", {"experiment": "e", "run_id": run_id}).line()


@pytest.fixture
def server(studio):
    server = Server(studio.url, studio.token, "default")
    _credentials.save(server)
    return server


def leave_behind(spool):
    """What a process that was killed leaves: the file, without its lock."""
    spool.abandon()


def test_entries_come_back_in_order_and_once(server):
    spool = Spool(server)
    lines = [points("r", number) for number in range(5)]
    for line in lines:
        spool.append(line)

    found = []
    while (line := spool.first()) is not None:
        found.append(line)
        spool.advance(line)

    assert found == lines
    assert spool.is_empty


def test_a_file_is_for_its_owner_alone_and_holds_no_token_that_stands_elsewhere(server, home):
    Spool(server).append(points("r", 1))

    [path] = (home / "spool").glob("*.spool")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert server.token not in path.read_text()


def test_a_token_of_the_environment_goes_with_what_waits(studio, home):
    spool = Spool(Server(studio.url, studio.token, "default"))
    studio.add_run("r")
    spool.append(points("r", 1))
    leave_behind(spool)

    assert sync().sent == 1


def test_what_a_killed_process_left_is_sent_once_and_removed(server, studio, home):
    spool = Spool(server)
    for line in (make("r"), points("r", 1), points("r", 2)):
        spool.append(line)
    leave_behind(spool)

    first, second = sync(), sync()

    assert (first.sent, first.refused, first.waiting_files) == (3, [], {})
    assert second.sent == 0
    assert studio.values("r", "x") == [1, 2]
    assert list((home / "spool").iterdir()) == []


def test_what_was_noted_as_sent_is_not_sent_again(server, studio):
    studio.add_run("r")
    spool = Spool(server)
    for number in (1, 2):
        spool.append(points("r", number))
    spool.advance(spool.first())
    leave_behind(spool)

    assert sync().sent == 1
    assert studio.values("r", "x") == [2]


def test_what_was_sent_but_not_noted_is_sent_again_and_counts_once(server, studio):
    spool = Spool(server)
    batch = Entry.of("POST", "/runs/batch", {"experiment": "e", "runs": [{"run_id": "c1"}, {"run_id": "c2"}]})
    for line in (make("r"), batch.line(), points("r", 1), Entry.of("POST", "/runs/r/complete", {}).line()):
        spool.append(line)
    leave_behind(spool)
    [path] = _spool.folders()[0].glob("*.spool")
    copy = path.read_bytes()
    sync()
    path.write_bytes(copy)

    report = sync()

    assert (report.sent, report.refused) == (4, [])
    assert studio.values("r", "x") == [1]
    assert list(studio.runs) == ["r", "c1", "c2"]
    assert studio.runs["r"]["status"] == "Completed"


def test_half_a_line_at_the_end_is_nothing(server, studio):
    studio.add_run("r")
    spool = Spool(server)
    spool.append(points("r", 1))
    leave_behind(spool)
    [path] = _spool.folders()[0].glob("*.spool")
    with open(path, "ab") as file:
        file.write(points("r", 2)[:-9])

    assert sync().sent == 1
    assert studio.values("r", "x") == [1]


def test_a_damaged_line_is_set_aside_and_the_others_get_by(server, studio, home):
    studio.add_run("r")
    spool = Spool(server)
    for line in (points("r", 1), b"POST /runs/r/metrics 1.0 {gar\xffbage\n", points("r", 2)):
        spool.append(line)
    leave_behind(spool)

    report = sync()

    assert report.sent == 2
    assert len(report.refused) == 1
    [path] = (home / "spool").glob("*.refused")
    assert b"garbage" in path.read_bytes().replace(b"\xff", b"")


def test_a_refused_entry_is_set_aside_with_the_servers_sentence(server, studio, home):
    studio.add_run("r", status="Canceled")
    spool = Spool(server)
    for line in (Entry.of("POST", "/runs/r/complete", {}).line(), points("r", 1)):
        spool.append(line)
    leave_behind(spool)

    report = sync()

    assert report.refused == ["Run r is Canceled already, and that is final."]
    assert studio.values("r", "x") == [1]
    assert "final" in next((home / "spool").glob("*.refused")).read_text()


def test_a_server_that_is_still_away_leaves_everything_as_it_is(server, studio):
    spool = Spool(server)
    for line in (make("r"), points("r", 1)):
        spool.append(line)
    leave_behind(spool)
    studio.fail_next(503, on="/metrics", times=1000)

    report = sync()
    studio._failures.clear()

    assert report.sent == 1
    assert list(report.waiting_files.values()) == [f"{studio.url} answers 503: not now"]
    assert sync().sent == 1
    assert studio.values("r", "x") == [1]


def test_a_token_that_is_no_longer_accepted_is_replaced_by_the_users(studio, home):
    spool = Spool(Server(studio.url, "rs_of_a_run_that_ended", "default"))
    studio.add_run("r")
    spool.append(points("r", 1))
    leave_behind(spool)
    assert "not known" in next(iter(sync().waiting_files.values()))

    _credentials.save(Server(studio.url, studio.token, "default"))

    assert sync().sent == 1


def test_the_spool_of_a_process_that_lives_is_left_alone(server, studio, home):
    source = (
        "import sys\nfrom runstudio._credentials import Server\nfrom runstudio._spool import Spool\n"
        f"spool = Spool(Server({server.url!r}, {server.token!r}))\n"
        'spool.append(b\'POST /runs/r/metrics 1.0 {"batch": "b", "points": []}\\n\')\n'
        "print('ready', flush=True)\nsys.stdin.read()\n"
    )
    studio.add_run("r")
    environment = {**os.environ, "PYTHONPATH": str(SDK)}
    with subprocess.Popen(
        [sys.executable, "-c", source], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    ) as owner:
        assert owner.stdout.readline() == b"ready\n"
        while_alive = sync()
        owner.kill()
        owner.wait()

    assert (while_alive.sent, while_alive.busy_files) == (0, 1)
    assert sync().sent == 1


def test_oldest_spools_go_first_so_that_a_run_is_made_before_it_is_logged_to(server, studio):
    maker, logger = Spool(server), Spool(server)
    maker.append(make("r"))
    logger.append(points("r", 1))
    leave_behind(logger)
    leave_behind(maker)

    assert sync().sent == 2
    assert studio.values("r", "x") == [1]


def test_an_entry_for_a_run_that_is_not_made_yet_waits_for_its_maker(server, studio):
    maker, logger = Spool(server), Spool(server)
    maker.append(make("r"))  # and its process lives
    logger.append(points("r", 1))
    leave_behind(logger)

    report = sync()
    leave_behind(maker)

    assert (report.sent, report.refused) == (0, [])
    assert sync().sent == 2


def test_a_file_that_was_sent_shrinks(server, home):
    spool = Spool(server)
    line = points("r", 1)
    for _ in range(20_000):
        spool.append(line)
        spool.advance(line)

    [path] = (home / "spool").glob("*.spool")
    assert path.stat().st_size < 1_500_000


def test_without_a_disk_entries_wait_in_memory_and_keep_their_order(server, monkeypatch, capsys):
    spool = Spool(server)
    spool.append(b"1\n")
    append = SpoolFile.append

    def full(self, line):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(SpoolFile, "append", full)
    spool.append(b"2\n")
    monkeypatch.setattr(SpoolFile, "append", append)
    spool.append(b"3\n")

    found = []
    while (line := spool.first()) is not None:
        found.append(line)
        spool.advance(line)

    assert found == [b"1\n", b"2\n", b"3\n"]
    assert capsys.readouterr().err.count("No space left on device") == 1
    spool.append(b"4\n")
    assert spool._memory_bytes == 0


def test_memory_ends_somewhere(server, monkeypatch):
    monkeypatch.setattr(_spool, "_create", lambda server: (_ for _ in ()).throw(OSError(errno.EROFS, "Read-only")))
    monkeypatch.setattr(_spool, "MEMORY_BYTES", 10)
    spool = Spool(server)
    spool.append(b"12345\n")

    with pytest.raises(SpoolFull):
        spool.append(b"12345\n")

    assert spool.first() == b"12345\n"


def test_half_a_write_is_taken_back(server, monkeypatch):
    spool = Spool(server)
    spool.append(b"1\n")
    write = os.write
    calls = []

    def short(descriptor, data):
        calls.append(data)
        if len(calls) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, bytes(data[:2]))

    monkeypatch.setattr(os, "write", short)
    spool.append(b"22222\n")
    monkeypatch.setattr(os, "write", write)
    spool.advance(spool.first())

    assert spool.first() == b"22222\n"
    [path] = _spool.folders()[0].glob("*.spool")
    assert path.read_bytes().endswith(b"\n1\n")


@pytest.mark.skipif(os.name == "nt" or os.getuid() == 0, reason="root may write everywhere")
def test_a_home_that_cannot_be_written_is_replaced_by_the_temporary_folder(server, home):
    home.chmod(0o500)
    spool = Spool(server)
    spool.append(b"1\n")
    home.chmod(0o700)

    assert list(_spool.folders()[1].glob("*.spool"))


def test_copies_without_a_spool_are_removed_after_a_while(server, home):
    folder = _spool.files_folder()
    old, fresh = folder / "old", folder / "fresh"
    old.touch()
    fresh.touch()
    os.utime(old, (0, 0))

    sync()

    assert [path.name for path in folder.iterdir()] == ["fresh"]
