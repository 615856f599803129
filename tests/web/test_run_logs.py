"""Logs on the tab Outputs and logs: what stands on the page, and what the viewer fetches."""

import pytest
from django.urls import reverse

from runs import logs
from runs.models import Run

NAME = "user_logs/std_log.txt"


def address(name: str, run: Run, *more: str) -> str:
    return reverse(name, args=[run.workspace.name, run.run_id, *more])


def write(run: Run, text: str, name: str = NAME) -> None:
    stream = run.log_streams.filter(name=name).first()
    logs.append(run, name, offset=stream.size_bytes if stream else 0, data=text.encode())


def numbered(count: int) -> str:
    return "".join(f"line {number}\n" for number in range(1, count + 1))


@pytest.fixture
def signed_in(client, alice):
    client.force_login(alice)
    return client


# On the page


def test_a_run_that_has_written_nothing_says_so(signed_in, running, ended):
    assert "Nothing written yet" in signed_in.get(address("run-logs", running)).text
    assert "No files" in signed_in.get(address("run-logs", ended)).text


def test_a_page_that_was_opened_before_the_first_line_shows_it_once_it_comes(signed_in, running):
    asks = {"HX-Request": "true", "HX-Target": "section#run-nothing"}

    before = signed_in.get(address("run-logs", running), headers=asks)
    write(running, "line\n")
    after = signed_in.get(address("run-logs", running), headers=asks)

    assert 'hx-target="#run-nothing"' not in signed_in.get(address("run-logs", running)).text
    assert (before.status_code, before.headers.get("HX-Refresh")) == (204, None)
    assert (after.status_code, after.headers.get("HX-Refresh")) == (204, "true")


def test_the_last_five_hundred_lines_stand_on_the_page_and_lead_to_the_earlier_ones(signed_in, running):
    write(running, numbered(1_200))

    last = signed_in.get(address("run-logs", running)).text
    earlier = last.split(">Earlier lines<")[0].rpartition('href="')[2].rstrip('"').replace("&amp;", "&")
    before = signed_in.get(address("run-logs", running) + earlier).text

    assert 'id="L701"' in last
    assert 'id="L1200"' in last
    assert 'id="L700"' not in last
    assert 'id="L201"' in before
    assert 'id="L700"' in before
    assert ">Later lines<" in before


def test_what_the_script_printed_comes_before_other_logs(signed_in, running):
    write(running, "from the agent\n", "agent.txt")
    write(running, "from the script\n")

    text = signed_in.get(address("run-logs", running)).text

    assert "from the script" in text
    assert "from the agent" not in text
    assert "from the agent" in signed_in.get(address("run-logs", running), {"log": "agent.txt"}).text


def test_a_log_is_never_markup_and_its_colours_are_classes(signed_in, running):
    write(running, "<script>alert(1)</script> \x1b[31mred\x1b[0m <img src=x>\n")

    text = signed_in.get(address("run-logs", running)).text

    assert "&lt;script&gt;alert(1)" in text
    assert "<img src=x>" not in text
    assert '<span class="a-r">red</span>' in text
    assert "\x1b" not in text


def test_search_works_without_a_script(signed_in, running):
    write(running, numbered(700) + "\x1b[31mneedle\x1b[0m <here>\n" + numbered(600))

    text = signed_in.get(address("run-logs", running), {"log": NAME, "q": "needle"}).text

    assert "line=701#L701" in text
    assert "needle &lt;here&gt;" in text


def test_an_unknown_log_is_not_found(signed_in, running):
    assert signed_in.get(address("run-logs", running), {"log": "nope"}).status_code == 404


@pytest.mark.parametrize("line", ["0", "-1", "999999", "x", "9" * 30])
def test_a_line_that_is_not_there_leads_to_one_that_is(signed_in, running, line):
    write(running, numbered(10))

    assert signed_in.get(address("run-logs", running), {"log": NAME, "line": line}).status_code == 200


# What the viewer fetches


def fetch(signed_in, run, **asked):
    return signed_in.get(address("run-log-lines", run), {"name": NAME} | asked).json()


def test_the_viewer_fetches_lines_from_one_on(signed_in, running):
    write(running, numbered(1_000))

    answer = fetch(signed_in, running, line=200, count=3)

    assert answer["line"] == 200
    assert answer["next_line"] == 203
    assert answer["rows"].count("<li") == 3
    assert "line 202" in answer["rows"]
    assert answer["lines"] == 1_000
    assert answer["is_open"] is True


def test_the_viewer_goes_on_where_it_stopped_by_the_offset(signed_in, running):
    write(running, numbered(10))
    answer = fetch(signed_in, running, line=1)
    write(running, "new\n")

    more = fetch(signed_in, running, line=answer["next_line"], offset=answer["next_offset"])

    assert more["rows"].count("<li") == 1
    assert 'id="L11"' in more["rows"]
    assert "new" in more["rows"]


def test_an_unfinished_line_is_shown_and_comes_again_when_it_has_grown(signed_in, running):
    write(running, "one\ntwo, half")
    first = fetch(signed_in, running, line=1)
    write(running, " and half\n")
    second = fetch(signed_in, running, line=first["next_line"], offset=first["next_offset"])

    assert 'id="L2" data-part' in first["rows"]
    assert first["next_line"] == 2
    assert "two, half and half" in second["rows"]
    assert "data-part" not in second["rows"]
    assert second["next_line"] == 3


def test_asking_for_no_lines_tells_how_many_there_are(signed_in, running):
    write(running, numbered(10))

    answer = fetch(signed_in, running, line=11, count=0)

    assert answer["rows"] == ""
    assert answer["next_line"] == 11
    assert answer["lines"] == 10


def test_a_line_of_megabytes_is_cut_and_the_next_ones_are_found(signed_in, running):
    for _ in range(3):
        write(running, "x" * 900_000)
    write(running, "\nafter it\n")

    first = fetch(signed_in, running, line=1)
    second = fetch(signed_in, running, line=first["next_line"], offset=first["next_offset"])

    assert len(first["rows"]) < 20_000
    assert "2.68 MB more on this line" in first["rows"]
    assert first["next_line"] == 2
    assert "after it" in second["rows"]


def test_a_line_of_megabytes_that_has_not_ended_stays_unfinished(signed_in, running):
    for _ in range(3):
        write(running, "x" * 900_000)

    answer = fetch(signed_in, running, line=1)

    assert "data-part" in answer["rows"]
    assert answer["next_line"] == 1
    assert answer["next_offset"] == 0


def test_the_tail_of_a_log_of_long_lines_is_its_end(signed_in, running):
    for number in range(40):
        write(running, f"{number} " + "x" * 90_000 + "\n")

    answer = fetch(signed_in, running, tail=1)

    assert answer["next_line"] == 41
    assert 'id="L40"' in answer["rows"]
    assert 'id="L1"' not in answer["rows"]


def test_the_viewer_searches_the_whole_log_a_stretch_at_a_time(signed_in, running, monkeypatch):
    monkeypatch.setattr("runs.web.run_logs.HITS", 2)
    write(running, "hit\nmiss\nHIT\nhit\n")

    first = fetch(signed_in, running, q="hit")
    second = fetch(signed_in, running, q="hit", after=first["found"][-1])

    assert first == {"found": [1, 3], "has_more": True}
    assert second == {"found": [4], "has_more": False}


def test_a_search_for_what_cannot_be_in_a_line_is_refused(signed_in, running):
    write(running, "one\n")

    assert signed_in.get(address("run-log-lines", running), {"name": NAME, "q": "a\nb"}).status_code == 422


# Download


def test_a_log_is_downloaded_as_it_was_written(signed_in, running):
    write(running, "\x1b[31mred\x1b[0m\r\n<b>\n")

    reply = signed_in.get(address("run-log-raw", running, NAME), headers={"Accept-Encoding": "gzip"})

    assert reply.getvalue() == b"\x1b[31mred\x1b[0m\r\n<b>\n"
    assert reply["Content-Type"] == "text/plain; charset=utf-8"
    assert reply["Content-Disposition"] == 'attachment; filename="std_log.txt"'
    assert reply["X-Content-Type-Options"] == "nosniff"
    assert reply["Content-Length"] == "18"
    assert "Content-Encoding" not in reply


def test_a_part_of_a_log_is_downloaded(signed_in, running):
    write(running, "0123456789")

    reply = signed_in.get(address("run-log-raw", running, NAME), headers={"Range": "bytes=-3"})

    assert reply.status_code == 206
    assert reply.getvalue() == b"789"
    assert reply["Content-Range"] == "bytes 7-9/10"


def test_the_page_of_a_log_costs_as_much_for_a_hundred_streams_as_for_one(
    signed_in, running, django_assert_max_num_queries
):
    write(running, "x\n")
    for number in range(50):
        write(running, "x\n", f"rank_{number}.txt")

    with django_assert_max_num_queries(20):
        signed_in.get(address("run-logs", running))
