"""What a metric's value may be, and how points travel."""

from __future__ import annotations

import json
import math
from decimal import Decimal

import pytest
from runstudio import _points
from runstudio._points import Clock
from runstudio.errors import UserErrorException


@pytest.mark.parametrize("value", [1, 0.5, True, None, "abc", "", "한글 🎉"])
def test_plain_values_stay_what_they_are(value):
    assert _points.plain(value, "x") == value
    assert type(_points.plain(value, "x")) is type(value)


@pytest.mark.parametrize(
    "name", ["int8", "int32", "int64", "uint8", "uint64", "float16", "float32", "float64", "longdouble"]
)
def test_numbers_of_numpy_become_numbers(name):
    numpy = pytest.importorskip("numpy")

    value = _points.plain(getattr(numpy, name)(3), "x")

    assert value == 3
    assert type(value) is (int if "int" in name else float)


def test_other_scalars_of_numpy_become_pythons():
    numpy = pytest.importorskip("numpy")

    assert _points.plain(numpy.bool_(True), "x") is True
    assert type(_points.plain(numpy.str_("abc"), "x")) is str
    assert _points.plain(numpy.array(2.5), "x") == 2.5
    assert math.isnan(_points.plain(numpy.float32("nan"), "x"))


def test_a_tensor_without_dimensions_becomes_a_number():
    class Tensor:
        shape = ()

        def item(self):
            return 0.25

    assert _points.plain(Tensor(), "x") == 0.25


def test_an_unknown_object_is_logged_as_its_repr():
    assert _points.plain(Decimal("0.1"), "x") == "Decimal('0.1')"
    assert _points.plain((1, 2), "x") == "(1, 2)"


@pytest.mark.parametrize("value", [[1, 2], range(3), (number for number in (1, 2))])
def test_a_list_is_refused_with_the_way_out(value):
    with pytest.raises(UserErrorException, match=r"run\.log does not support .* type\. Use run\.log_list instead"):
        _points.plain(value, "x")


@pytest.mark.parametrize("value", ["a" * 5_001, "nul \0", "half \ud800"])
def test_a_text_that_no_server_takes_is_refused_at_once(value):
    with pytest.raises(UserErrorException):
        _points.plain(value, "x")


@pytest.mark.parametrize("key", ["", "k" * 256, "nul \0", "half \ud800", 3, None])
def test_a_name_that_no_server_takes_is_refused_at_once(key):
    with pytest.raises(UserErrorException):
        _points.check_key(key)


@pytest.mark.parametrize(("step", "whole"), [(3.0, 3), (True, 1), (2**63 - 1, 2**63 - 1), (-5, -5)])
def test_steps_are_whole_numbers(step, whole):
    assert _points.whole_step(step) == whole


@pytest.mark.parametrize("step", [0.5, "1", math.nan, math.inf, 2**63, -(2**63), object()])
def test_a_step_that_is_none_is_refused(step):
    with pytest.raises(UserErrorException, match="A step is a whole number"):
        _points.whole_step(step)


def test_times_rise_strictly_within_a_run_even_when_the_clock_stands_or_goes_back():
    clock = Clock()
    times_ns = [5_000_000, 5_000_000, 5_000_999, 4_000_000, 9_000_000]

    found = [clock.time_us("r", time_ns) for time_ns in times_ns]

    assert found == [5_000, 5_001, 5_002, 5_003, 9_000]
    assert clock.time_us("other", 4_000_000) == 4_000


def test_microseconds_survive_the_wire():
    times_us = [1_795_456_800_000_000 + offset for offset in range(0, 3_000_000, 70)]
    body = json.loads(_points.encode([("x", 1, None, time_us) for time_us in times_us], batch="b"))

    assert [round(point["time"] * 1e6) for point in body["points"]] == times_us


def test_numbers_that_json_lacks_have_a_name_on_the_wire():
    rows = [("x", value, None, 1) for value in (math.nan, math.inf, -math.inf, 10**400, 2**63, "NaN")]

    points = json.loads(_points.encode(rows, batch="b"))["points"]

    assert [point.get("number") for point in points] == ["NaN", "Infinity", "-Infinity", "Infinity", None, None]
    assert [point.get("value") for point in points[4:]] == [float(2**63), "NaN"]
    assert math.isnan(_points.decode({"number": "NaN"}))
