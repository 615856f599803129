"""Folding: the same points, packed; whatever happens beside it or in the middle of it."""

from datetime import timedelta

import numpy as np
import pytest
from django.utils import timezone

from runs import limits
from runs.metrics import folding, packing, pyramid, segments, series, summaries
from runs.models import Chunk, Segment
from tests import factories
from tests.domain.metrics.plain import log

pytestmark = pytest.mark.usefixtures("small_chunks")


def numbers(run, key="loss"):
    return series.values([run])[run.pk][key]


def sizes(run):
    return list(Chunk.objects.filter(run=run).order_by("first_step", "first_time_us").values_list("points", flat=True))


def test_a_fold_keeps_every_point_and_takes_every_segment(running):
    points = [("loss", float(step), step, step) for step in range(12)]
    for point in points:
        log(running, [point, ("note", "warm", point[2], 0)])

    assert folding.fold(running) == 24

    assert not Segment.objects.exists()
    assert numbers(running) == [float(step) for step in range(12)]
    assert numbers(running, "note") == ["warm"] * 12
    assert folding.fold(running) == 0


def test_of_a_named_batch_the_receipt_stays_empty(running):
    log(running, [("loss", 1.0, 1, 1)], batch="b-1")

    folding.fold(running)

    receipt = Segment.objects.get()
    assert (receipt.batch, bytes(receipt.payload), receipt.is_folded) == ("b-1", b"", True)


def test_what_is_appended_at_the_end_leaves_full_chunks_alone(running):
    log(running, [("loss", 1.0, step, step) for step in range(10)])
    folding.fold(running)
    full = set(Chunk.objects.values_list("pk", flat=True))

    log(running, [("loss", 1.0, step, step) for step in range(10, 17)])
    folding.fold(running)

    assert sizes(running) == [5, 5, 5, 2]
    assert full <= set(Chunk.objects.values_list("pk", flat=True))


def test_a_few_points_at_a_time_do_not_rewrite_a_large_chunk_each_time(running, monkeypatch):
    monkeypatch.setattr(limits, "CHUNK_POINTS", 4_096)
    log(running, [("loss", 1.0, step, step) for step in range(1_000)])
    folding.fold(running)
    large = Chunk.objects.get().pk

    for step in range(1_000, 1_030):
        log(running, [("loss", 1.0, step, step)])
        folding.fold(running)

    assert Chunk.objects.filter(pk=large).exists()
    assert Chunk.objects.count() <= 4
    assert len(numbers(running)) == 1_030


def test_late_points_go_between_the_others(running):
    log(running, [("loss", float(step), step, step) for step in range(0, 40, 2)])
    folding.fold(running)
    untouched = Chunk.objects.get(first_step=30).pk

    log(running, [("loss", float(step), step, 50) for step in (-1, 1, 3, 17)])
    folding.fold(running)

    assert numbers(running) == sorted(float(step) for step in [*range(0, 40, 2), -1, 1, 3, 17])
    assert Chunk.objects.filter(pk=untouched).exists()
    assert max(sizes(running)) <= 5


def test_points_of_one_step_and_time_lie_in_one_chunk(running):
    for value in range(23):
        log(running, [("loss", float(value), 1, 1), ("loss", float(value), 2, 2)])
    folding.fold(running)

    log(running, [("loss", 7.0, 1, 1), ("loss", 7.5, 1, 1)])
    folding.fold(running)

    assert sizes(running) == [24, 23]
    assert numbers(running) == sorted([*map(float, range(23)), 7.5]) + [float(value) for value in range(23)]


def test_identical_points_are_one_across_folds(running):
    points = [("loss", float(step), step, step) for step in range(8)]
    log(running, points)
    folding.fold(running)
    log(running, points[2:5] * 2)
    folding.fold(running)

    assert numbers(running) == [float(step) for step in range(8)]
    assert summaries.of([running])[running.pk]["loss"].count == 8


@pytest.mark.parametrize(("limit", "most"), [("FOLD_PASS_POINTS", 10), ("FOLD_PASS_BYTES", 500)])
def test_many_segments_are_folded_a_part_at_a_time(running, monkeypatch, limit, most):
    monkeypatch.setattr(limits, limit, most)
    parts = []
    real = folding._take
    monkeypatch.setattr(folding, "_take", lambda taken: (parts.append(len(taken)), real(taken)))
    for step in range(9):
        log(running, [("loss", float(step), step, step)] * 4)

    assert folding.fold(running) == 36

    assert numbers(running) == [float(step) for step in range(9)]
    assert 3 <= len(parts) <= 9
    assert sum(parts) == 9


def test_a_chunks_pyramid_says_what_its_points_say(running, monkeypatch):
    monkeypatch.setattr(limits, "CHUNK_POINTS", 4_096)
    drawn = np.random.default_rng(7).normal(size=1_000)
    values = [*drawn.tolist(), float("nan"), float("inf"), "text", None, True, 5]
    log(running, [("loss", value, step, 1_000 - step / 2) for step, value in enumerate(values)])
    folding.fold(running)

    chunk = Chunk.objects.get()
    points = packing.unpack_series(chunk.payload)
    for size, stored in ((16, chunk.by_16), (256, chunk.by_256)):
        (entries,) = pyramid.unpack([stored])
        assert entries.sizes.sum() == len(points)
        for index, start in enumerate(range(0, len(points), size)):
            finite = [float(value) for value in values[start : start + size] if is_finite(value)]
            assert (entries.lows[index], entries.highs[index], entries.lasts[index]) == (
                min(finite),
                max(finite),
                finite[-1],
            )
    finite = [float(value) for value in values if is_finite(value)]
    assert (chunk.low_value, chunk.high_value, chunk.last_value) == (min(finite), max(finite), 5.0)
    assert chunk.marks == pyramid.NAN | pyramid.INFINITY
    assert (chunk.earliest_us, chunk.latest_us) == (int((1_000 - 1_005 / 2) * 1e6), 1_000_000_000)


def is_finite(value):
    return isinstance(value, int | float) and np.isfinite(value)


class Interrupted(Exception):
    pass


@pytest.mark.parametrize(
    ("module", "name"),
    [(folding, "_take"), (folding, "_remove"), (folding.Chunk.objects, "bulk_create"), (summaries, "take_back")],
)
def test_a_fold_that_ends_in_the_middle_has_changed_nothing(running, monkeypatch, module, name):
    points = [("loss", float(step), step, step) for step in range(8)]
    log(running, points, batch="b-1")
    folding.fold(running)
    log(running, [*points[3:], ("loss", 9.0, 9, 9)])
    before = list(Chunk.objects.values()), list(Segment.objects.values()), numbers(running)

    def interrupted(*args, **more):
        real(*args, **more)
        raise Interrupted

    real = getattr(module, name)
    with monkeypatch.context() as patch:
        patch.setattr(module, name, interrupted)
        with pytest.raises(Interrupted):
            folding.fold(running)

    assert (list(Chunk.objects.values()), list(Segment.objects.values()), numbers(running)) == before
    assert folding.fold(running) == 6
    assert numbers(running) == [*map(float, range(8)), 9.0]


@pytest.mark.parametrize("moment", ["unpack_segments", "unpack_series"])
def test_the_later_of_two_folds_gives_way(running, monkeypatch, moment):
    log(running, [("loss", float(step), step, step) for step in range(3)])
    folding.fold(running)
    log(running, [("loss", float(step), step, step) for step in range(2, 6)])
    real = getattr(packing, moment)
    others = []

    def overtaken(*args):
        monkeypatch.setattr(packing, moment, real)
        others.append(folding.fold(running))
        return real(*args)

    monkeypatch.setattr(packing, moment, overtaken)
    assert folding.fold(running) == 0

    assert others == [4]
    assert numbers(running) == [float(step) for step in range(6)]
    assert summaries.of([running])[running.pk]["loss"].count == 6


def test_what_is_appended_during_a_fold_waits_for_the_next(running, monkeypatch):
    log(running, [("loss", 1.0, 1, 1)])
    real = folding._payloads

    def meanwhile(chunk_ids):
        log(running, [("loss", 2.0, 2, 2)])
        return real(chunk_ids)

    monkeypatch.setattr(folding, "_payloads", meanwhile)
    assert folding.fold(running) == 1

    assert numbers(running) == [1.0, 2.0]
    assert Segment.objects.get().points == 1


def test_a_reader_beside_a_fold_misses_and_doubles_nothing(running, monkeypatch):
    log(running, [("loss", float(step), step, step) for step in range(4)])
    real = segments.tails

    def then_folded(*args):
        found = real(*args)
        folding.fold(running)
        return found

    monkeypatch.setattr(segments, "tails", then_folded)

    assert numbers(running) == [0.0, 1.0, 2.0, 3.0]


def test_a_run_is_due_by_points_requests_or_age(experiment, monkeypatch):
    monkeypatch.setattr(limits, "FOLD_POINTS", 100)
    monkeypatch.setattr(limits, "FOLD_SEGMENTS", 5)
    few, many, often, old, folded = (factories.make_run(experiment) for _ in range(5))
    log(few, [("loss", 1.0, 1, 1)])
    log(many, [("loss", 1.0, step, 1) for step in range(100)])
    for step in range(5):
        log(often, [("loss", 1.0, step, 1)])
    log(old, [("loss", 1.0, 1, 1)])
    Segment.objects.filter(run=old).update(created_at=timezone.now() - timedelta(seconds=limits.FOLD_AFTER_S + 1))
    log(folded, [("loss", 1.0, step, 1) for step in range(100)], batch="b-1")
    folding.fold(folded)

    assert folding.due(10) == [many, often, old]
    assert folding.due(1) == [many]
