"""The wire form of points: what is understood, what is refused and in which words."""

import json
import math
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runs import limits
from runs.errors import Invalid, TooLarge
from runs.metrics import points
from tests.domain.metrics.plain import body

NOON_2026 = 1_769_860_800


def decode(*sent: dict[str, Any], **more: Any) -> points.Points:
    return points.decode(json.dumps({"points": sent, **more}).encode())[0]


def refused(*sent: Any) -> Invalid:
    """Why points are refused. The first is in order, so that what is wrong is never at 0."""
    with pytest.raises(Invalid) as caught:
        decode({"key": "loss", "value": 0.5}, *sent)
    return caught.value


def test_values_keep_their_types():
    sent = [0.5, 1, True, "warm", None, -0.0, 2**63 - 1, -(2**63), "NaN"]

    found = decode(*({"key": "loss", "value": value} for value in sent))

    assert repr(found.columns.values()) == repr(sent)


def test_nan_and_infinities_come_as_words_and_are_numbers():
    found = decode(*({"key": "loss", "number": word} for word in ("NaN", "Infinity", "-Infinity")))

    first, *others = found.columns.values()
    assert math.isnan(first)
    assert others == [math.inf, -math.inf]


def test_steps_may_be_missing_negative_and_in_any_order():
    found = decode(
        *({"key": "loss", "value": 1, **step} for step in ({"step": 7}, {}, {"step": None}, {"step": -(2**63) + 1}))
    )

    assert found.columns.listed_steps() == [7, None, None, -(2**63) + 1]


def test_each_point_belongs_to_its_key():
    found = decode(*({"key": key, "value": 1} for key in ("loss", "acc", "loss", "ünï/😀")))

    assert [found.keys[index] for index in found.key_index] == ["loss", "acc", "loss", "ünï/😀"]
    assert found.keys == ["loss", "acc", "ünï/😀"]


@pytest.mark.parametrize(
    ("moment", "expected_us"),
    [
        (0, 0),
        (NOON_2026, NOON_2026 * 1_000_000),
        (NOON_2026 + 0.123456, NOON_2026 * 1_000_000 + 123_456),
        ("2026-01-31T12:00:00Z", NOON_2026 * 1_000_000),
        ("2026-01-31T21:00:00.000001+09:00", NOON_2026 * 1_000_000 + 1),
    ],
)
def test_times_are_seconds_or_words_and_keep_their_microseconds(moment, expected_us):
    alone = decode({"key": "loss", "value": 1, "time": moment})
    among_others = decode({"key": "loss", "value": 1, "time": moment}, {"key": "loss", "value": 1})

    assert alone.columns.times_us.tolist() == [expected_us]
    assert among_others.columns.times_us[0] == expected_us


def test_points_without_a_time_get_the_servers_and_stay_in_order():
    before_us = time.time_ns() // 1000

    first, second = decode(*[{"key": "loss", "value": 1}] * 1000), decode(*[{"key": "loss", "value": 1}] * 1000)

    times_us = [*first.columns.times_us.tolist(), *second.columns.times_us.tolist()]
    assert times_us == sorted(set(times_us))
    assert before_us <= times_us[0] <= times_us[-1] < time.time_ns() // 1000 + 60_000_000


def test_a_batch_has_a_name_or_none():
    assert points.decode(b'{"points": [], "batch": "b-1"}')[1] == "b-1"
    assert points.decode(b'{"points": []}')[1] is None
    assert len(points.decode(b'{"points": []}')[0]) == 0


@pytest.mark.parametrize(
    ("wrong", "field", "says"),
    [
        ({"key": "loss"}, "value", '"value" must be'),
        ({"key": "loss", "value": [1]}, "value", '"value" must be'),
        ({"key": "loss", "value": {"number": 1}}, "value", '"value" must be'),
        ({"key": "loss", "value": 2**63}, "value", "64 bits"),
        ({"key": "loss", "value": -(2**63) - 1}, "value", "64 bits"),
        ({"key": "loss", "value": "a\0b"}, "value", "NUL"),
        ({"key": "loss", "number": "nan"}, "number", '"Infinity"'),
        ({"key": "loss", "number": 5}, "number", '"value"'),
        ({"key": "loss", "number": "NaN", "value": 1}, "number", "not both"),
        ({"key": "loss", "value": 1, "step": 1.0}, "step", "whole number"),
        ({"key": "loss", "value": 1, "step": "1"}, "step", "whole number"),
        ({"key": "loss", "value": 1, "step": True}, "step", "whole number"),
        ({"key": "loss", "value": 1, "step": 2**63}, "step", "2^63"),
        ({"key": "loss", "value": 1, "step": -(2**63)}, "step", "2^63"),
        ({"key": "loss", "value": 1, "time": -1}, "time", "1970"),
        ({"key": "loss", "value": 1, "time": NOON_2026 * 1000}, "time", "milliseconds"),
        ({"key": "loss", "value": 1, "time": 10**400}, "time", "9999"),
        ({"key": "loss", "value": 1, "time": True}, "time", "seconds since 1970"),
        ({"key": "loss", "value": 1, "time": "noon"}, "time", "ISO 8601"),
        ({"key": "loss", "value": 1, "time": "2026-01-31T12:00:00"}, "time", "zone"),
        ({"key": "loss", "value": 1, "time": "0001-01-01T00:00:00+23:59"}, "time", "1970"),
        ({"key": "", "value": 1}, "key", "empty"),
        ({"key": "a\0", "value": 1}, "key", "NUL"),
        ({"key": 5, "value": 1}, "key", "as text"),
    ],
)
def test_a_refusal_names_the_point_the_field_and_what_to_do(wrong, field, says):
    error = refused(wrong)

    assert error.field == f"points[1].{field}"
    assert error.message.startswith("Point 1")
    assert says in error.message


@pytest.mark.parametrize("wrong", [{"value": 1}, {"key": "loss", "value": 1, "timestamp": 5}, 5, None, []])
def test_a_point_that_is_none_is_refused_by_its_place(wrong):
    error = refused(wrong)

    assert error.field == "points[1]"
    assert error.message.startswith("Point 1")


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        b"{",
        b"[]",
        b"5",
        b"{}",
        b"\xff",
        b'{"points": {}}',
        b'{"points": [], "batch": 5}',
        b'{"points": [], "batch": ""}',
        b'{"points": [], "batch": "\\u0000"}',
        b'{"points": [], "run": "x"}',
        b'{"points": [{"key": "\\ud800", "value": 1}]}',
        b'{"points": [{"key": "a\xed\xa0\x80", "value": 1}]}',
        b'{"points": [{"key": "a", "value": NaN}]}',
        b'{"points": [{"key": "a", "value": 1e999}]}',
        b'{"points": [{"key": "a", "value": 1, "step": 1e999}]}',
        b'{"points": [{"key": "a", "value": 1, "time": 1e999}]}',
        b'{"points": [{"key": "a", "value": ' + b"1" * 5_000 + b"}]}",
        b'{"points": ' + b"[" * 100_000,
        b'{"points": [{"key": "a", "value": ' + b"[" * 100_000,
    ],
)
def test_a_body_that_is_no_batch_is_refused_with_a_sentence(wrong):
    with pytest.raises(Invalid) as caught:
        points.decode(wrong)

    assert caught.value.message.endswith(".")


def test_what_is_over_a_limit_is_refused_and_not_cut():
    too_long = refused({"key": "loss", "value": "x" * (limits.METRIC_TEXT_LENGTH + 1)})
    long_key = refused({"key": "k" * (limits.KEY_LENGTH + 1), "value": 1})

    assert isinstance(too_long, TooLarge)
    assert isinstance(long_key, TooLarge)
    assert len(decode({"key": "k" * limits.KEY_LENGTH, "value": "x" * limits.METRIC_TEXT_LENGTH})) == 1


def test_too_many_points_keys_or_bytes_are_refused(monkeypatch):
    with pytest.raises(TooLarge, match="100,000 points; this one has 100,001"):
        points.decode(body([("loss", 1, 1, 1)] * (limits.POINTS_PER_BATCH + 1)))
    with pytest.raises(TooLarge, match="20,000 metrics"):
        points.decode(body([(f"k{i}", 1, 1, 1) for i in range(limits.METRIC_KEYS_PER_RUN + 1)]))
    monkeypatch.setattr(limits, "METRIC_BATCH_BYTES", 100)
    with pytest.raises(TooLarge, match="100 bytes"):
        points.decode(b" " * 101)


def test_a_surface_may_bring_columns_of_its_own():
    found = points.of(["loss", "note"], [0.5, "warm"], steps=[1, None])

    assert found.columns.values() == [0.5, "warm"]
    with pytest.raises(Invalid, match="surrogate"):
        points.of(["loss"], ["\ud800"])
    with pytest.raises(Invalid, match='"value" must be'):
        points.of(["loss"], [[1]])


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["NaN", "Infinity", "2026-01-31T12:00:00Z", 2**63, -(2**63), 1e300, NOON_2026]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
fields = st.sampled_from(["key", "value", "number", "step", "time", "extra"])
almost_points = st.lists(
    anything | st.dictionaries(fields, anything) | st.fixed_dictionaries({"key": st.text(), "value": anything})
)
almost_bodies = anything | st.fixed_dictionaries({"points": almost_points}, optional={"batch": anything, "x": anything})


@pytest.mark.thorough
@settings(max_examples=50, deadline=None)
@given(sent=almost_bodies)
def test_whatever_json_comes_it_is_understood_or_refused(sent):
    check_understood_or_refused(json.dumps(sent).encode())


@pytest.mark.thorough
@settings(max_examples=50, deadline=None)
@given(sent=almost_bodies, data=st.data())
def test_whatever_bytes_come_they_are_understood_or_refused(sent, data):
    written = bytearray(json.dumps(sent, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    for _ in range(data.draw(st.integers(1, 3))):
        written[data.draw(st.integers(0, len(written) - 1))] = data.draw(st.integers(0, 255))

    check_understood_or_refused(bytes(written))


def check_understood_or_refused(written: bytes) -> None:
    try:
        found, _ = points.decode(written)
    except Invalid:
        return
    assert len(found.columns.values()) == len(found.key_index) == len(found.columns.listed_steps())
