"""How pages say times, durations, figures and sizes."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from runs.models import Status
from runs.web import figures, words


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0s"), (4.2, "4.2s"), (42.9, "42s"), (242, "4m 02s"), (4320, "1h 12m"), (97200, "1d 3h"), (None, "–")],
)
def test_durations_have_their_two_largest_units(seconds, said):
    assert words.duration(seconds) == said
    if seconds is not None:
        assert words.duration(timedelta(seconds=seconds)) == said


@pytest.mark.parametrize(
    ("ago", "said"),
    [
        (timedelta(seconds=22), "22 s ago"),
        (timedelta(minutes=3), "3 min ago"),
        (timedelta(hours=6), "6 h ago"),
        (timedelta(hours=30), "yesterday"),
        (timedelta(days=3), "3 days ago"),
        (timedelta(days=15), "2 weeks ago"),
        (timedelta(days=150), "5 months ago"),
        (timedelta(days=800), "2 years ago"),
        (timedelta(days=-9, hours=-1), "in 9 days"),
        (timedelta(hours=-5, minutes=-1), "in 5 h"),
        (timedelta(days=-89, hours=-23, minutes=-59), "in 90 days"),
    ],
)
def test_times_are_told_from_now(ago, said):
    assert words.ago(timezone.now() - ago) == said


def test_a_time_carries_the_absolute_one():
    drawn = words.when(datetime(2026, 3, 18, 14, 29, tzinfo=UTC))

    assert 'datetime="2026-03-18T14:29:00+00:00"' in drawn
    assert 'title="2026-03-18 14:29 UTC"' in drawn


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.9124, "0.9124"),
        (-0.5, "\N{MINUS SIGN}0.5000"),
        (34.807, "34.81"),
        (0.0002, "2.00e-4"),
        (0.0, "0.0000"),
        (1234.5, "1,234.5"),
        (5e12, "5.00e12"),
        (7, "7"),
        (12345, "12,345"),
        (-3, "\N{MINUS SIGN}3"),
        (True, "True"),
        (None, "–"),
        (float("nan"), "NaN"),
        (float("-inf"), "\N{MINUS SIGN}\N{INFINITY}"),
    ],
)
def test_figures_are_short_and_honest(value, said):
    assert figures.number(value) == said


def test_the_figures_of_a_column_have_the_same_places():
    values = [0.5, 12.25, -3.0]
    decimals = figures.decimals_for(values)

    assert [figures.number(value, decimals) for value in values] == ["0.50", "12.25", "\N{MINUS SIGN}3.00"]


def test_a_column_of_whole_numbers_has_no_places():
    assert figures.decimals_for([1.0, 20.0]) == 0
    assert figures.decimals_for([0.0, 0.0]) == 4


@pytest.mark.parametrize(("count", "said"), [(812, "812 B"), (14_200, "14.2 kB"), (1_300_000_000, "1.30 GB")])
def test_sizes_are_decimal(count, said):
    assert figures.size(count) == said


def test_every_status_has_a_glyph_and_a_word():
    for status in Status:
        assert words.st(status)
        assert words.status_word(status)


def test_the_words_for_the_browser_cannot_end_their_script(monkeypatch):
    monkeypatch.setattr(words, "gettext", lambda text: "</script><b>")

    assert words.words_for_browser().count("</script>") == 1
