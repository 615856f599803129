"""Logs by offset, outputs, and what a script's SDK could not send itself."""

import os

import pytest
from runstudio._credentials import Server
from runstudio._delivery import Entry
from runstudio._spool_file import SpoolFile
from runstudio.agent import outputs, spooled
from runstudio.agent.server import Away, RunFiles, quick_transport
from runstudio.agent.shipping import STREAM, LogShipper


@pytest.fixture
def files(server):
    return RunFiles([quick_transport(Server(server.url, "rs_run", "default"))], "r_1")


def shipped(shipper: LogShipper) -> int:
    """Ship to the end; how many pieces it took."""
    pieces = 0
    while shipper.ship():
        pieces += 1
    return pieces


@pytest.mark.parametrize("data", [b"lines\n" * 300_000, "häß\n".encode() * 200_000, b"\xff\x00\n" * 400_000])
def test_a_log_arrives_byte_for_byte_whatever_is_in_it(server, files, tmp_path, data):
    log = tmp_path / "log"
    log.write_bytes(data)

    pieces = shipped(LogShipper(files, log, base=0, is_new=True))

    assert server.logs["r_1"] == data
    assert pieces > 1


def test_shipping_goes_on_where_the_server_has_come_to(server, files, tmp_path):
    log = tmp_path / "log"
    log.write_bytes(b"first\nsecond\n")
    server.logs["r_1"] = b"of an earlier try\nfirst\n"

    shipped(LogShipper(files, log, base=len(b"of an earlier try\n"), is_new=False))

    assert server.logs["r_1"] == b"of an earlier try\nfirst\nsecond\n"


def test_a_server_that_has_less_than_was_sent_gets_it_again(server, files, tmp_path):
    log = tmp_path / "log"
    log.write_bytes(b"first\n")
    shipper = LogShipper(files, log, base=0, is_new=True)
    shipped(shipper)
    server.logs["r_1"] = b"fi"  # restored from a backup
    with log.open("ab") as file:
        file.write(b"second\n")

    shipped(shipper)

    assert server.logs["r_1"] == b"first\nsecond\n"


def test_outputs_in_deep_folders_and_behind_links_are_stored_and_circles_do_no_harm(server, files, tmp_path):
    marker = tmp_path / "marker"
    marker.touch()
    deep = tmp_path / "outputs" / "a" / "b"
    deep.mkdir(parents=True)
    wait_past(marker, tmp_path)
    (deep / "c.txt").write_text("deep")
    (tmp_path / "outputs" / "best.txt").symlink_to(deep / "c.txt")
    (tmp_path / "outputs" / "circle").symlink_to(tmp_path / "outputs")
    os.mkfifo(tmp_path / "outputs" / "pipe")

    collected = outputs.collect(tmp_path, marker, files, lambda call, what: call())

    assert (collected.stored, collected.refused) == (2, [])
    assert server.artifacts["r_1"] == {"outputs/a/b/c.txt": b"deep", "outputs/best.txt": b"deep"}


def wait_past(marker, folder):
    """Until a new file is younger than the marker: clocks of file systems tick slowly."""
    probe = folder / "probe"
    while not probe.exists() or probe.stat().st_ctime_ns <= marker.stat().st_ctime_ns:
        probe.write_text("x")


def test_collecting_again_stores_nothing_twice(server, files, tmp_path):
    marker = tmp_path / "marker"
    marker.touch()
    (tmp_path / "outputs").mkdir()
    wait_past(marker, tmp_path)
    (tmp_path / "outputs" / "a").write_text("a")
    outputs.collect(tmp_path, marker, files, lambda call, what: call())

    again = outputs.collect(tmp_path, marker, files, lambda call, what: call())

    assert (again.stored, again.refused) == (0, [])
    assert len([call for call in server.calls if call.startswith("PUT")]) == 1


@pytest.fixture
def spool(server, tmp_path, monkeypatch):
    """What a script with the token `rs_run` could not send."""
    monkeypatch.setenv("RUNSTUDIO_HOME", str(tmp_path / "home"))
    header = {"version": 1, "url": server.url, "workspace": "default", "token": "rs_run"}
    file = SpoolFile.create(tmp_path / "home" / "spool", header)
    file.append(Entry.of("POST", "/runs/r_1/tags", {"tags": {"quality": "good"}}).line())
    file.close(remove=False)
    return file.path


def test_what_a_script_could_not_send_is_sent_for_it(server, files, spool):
    assert spooled.send_left("rs_run", lambda: files.log_size(STREAM))

    assert server.tags["r_1"] == {"quality": "good"}
    assert not spool.exists()


def test_the_spool_of_another_run_is_not_waited_for(server, files, spool):
    assert spooled.send_left("rs_other", lambda: files.log_size(STREAM))
    assert spool.exists()


def test_a_spool_waits_while_the_server_is_away(server, files, spool, monkeypatch):
    monkeypatch.setattr("runstudio._spool.deliver", unreachable)
    server.is_away = True

    with pytest.raises(Away):
        spooled.send_left("rs_run", lambda: files.log_size(STREAM))

    assert spool.exists()


def unreachable(*_, **__):
    """The delivery, without its five seconds of patience."""
    from runstudio.errors import ServerUnreachable

    raise ServerUnreachable("away")
