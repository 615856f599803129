"""Every way of asking the database against the plain meaning of a question, over random runs."""

import math
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runs.models import Run
from runs.search import finding
from runs.search.compiling import Conditions
from runs.search.fields import STARTED, STATUS, USER
from runs.search.finding import Place, Question
from runs.search.ordering import Key
from runs.search.tree import And, Compare, Field, Kind, Not, Operator, Or, Present, conjuncts
from tests.domain.search import plain
from tests.domain.search.conftest import START

TEXTS = ["", "a", "A", "aB", "b%", "ä", "Ä", "1", "1.0", "true", "[x]*", "a" * 60, "a" * 59 + "b", "back\\slash"]
PATTERNS = ["%", "a%", "A_", "%b%", "_", "Ä", "ä%", "[x]_", "%\\%", "a" * 59 + "_", "", "%%", "b%"]
NUMBERS = [0.0, 0.5, -1.5, 1.7976931348623157e308, -1.7976931348623157e308, 1e300, 2.0]
LOGGED = [*NUMBERS, math.nan, math.inf, -math.inf]
KEYS = ["a", "b.c", "mlflow.user"]
STATUSES = ["Completed", "Failed", "Running", "Queued"]

runs = st.lists(
    st.fixed_dictionaries(
        {
            "name": st.sampled_from(TEXTS[1:]),
            "description": st.sampled_from(["", "text", "Text"]),
            "status": st.sampled_from(STATUSES),
            "started": st.one_of(st.none(), st.sampled_from([0, 1, 1.5, 2, 1000])),
            "tags": st.dictionaries(st.sampled_from(KEYS), st.one_of(st.none(), st.sampled_from(TEXTS)), max_size=3),
            "parameters": st.dictionaries(st.sampled_from(KEYS[:2]), st.sampled_from(TEXTS), max_size=2),
            "metrics": st.dictionaries(st.sampled_from(KEYS[:2]), st.sampled_from(LOGGED), max_size=2),
            "datasets": st.lists(
                st.tuples(st.sampled_from("ab"), st.sampled_from("12"), st.sampled_from(["", "train"])),
                max_size=2,
                unique_by=lambda use: use[:2],
            ),
        }
    ),
    min_size=1,
    max_size=6,
)
text_fields = st.one_of(
    st.builds(Field, st.just(Kind.RUN), st.sampled_from(["name", "description", "run_id"])),
    st.just(USER),
    st.builds(Field, st.sampled_from([Kind.TAG, Kind.PARAMETER]), st.sampled_from([*KEYS, "none"])),
    st.builds(Field, st.just(Kind.DATASET), st.sampled_from(["name", "digest", "context"])),
)
texts = st.sampled_from([*TEXTS, "alice", "train", "000xxx", "text", "2"])
metrics = st.builds(Field, st.just(Kind.METRIC), st.sampled_from(["a", "b.c", "none"]))
SIGNS = [Operator.EQUAL, Operator.NOT_EQUAL, Operator.LESS, Operator.AT_MOST, Operator.MORE, Operator.AT_LEAST]
moments = st.sampled_from([START + timedelta(milliseconds=ms) for ms in (-1, 0, 1, 1.5, 2, 5000)])
leaf = st.one_of(
    st.builds(Compare, text_fields, st.sampled_from([Operator.EQUAL, Operator.NOT_EQUAL]), texts),
    st.builds(Compare, text_fields, st.sampled_from([Operator.LIKE, Operator.ILIKE]), st.sampled_from(PATTERNS)),
    st.builds(
        Compare, text_fields, st.sampled_from([Operator.IN, Operator.NOT_IN]), st.lists(texts, max_size=3).map(tuple)
    ),
    st.builds(Compare, metrics, st.sampled_from(SIGNS), st.sampled_from([*NUMBERS, math.inf, 1])),
    st.builds(Compare, st.just(STARTED), st.sampled_from(SIGNS), moments),
    st.builds(
        Compare, st.just(STATUS), st.just(Operator.IN), st.lists(st.sampled_from(STATUSES), max_size=2).map(tuple)
    ),
    st.builds(Compare, st.builds(Field, st.just(Kind.TAG), st.sampled_from(KEYS)), st.just(Operator.EQUAL), st.none()),
    st.builds(Present, st.one_of(text_fields, metrics, st.just(STARTED))),
)
trees = st.recursive(
    leaf,
    lambda parts: st.one_of(
        st.builds(Not, parts),
        st.builds(And, st.lists(parts, max_size=3).map(tuple)),
        st.builds(Or, st.lists(parts, max_size=3).map(tuple)),
    ),
    max_leaves=5,
)
keys = st.one_of(
    st.builds(Key, st.one_of(text_fields.filter(lambda field: field.kind is not Kind.DATASET), metrics), st.booleans()),
    st.builds(Key, st.just(STARTED), st.booleans()),
    st.builds(
        Key,
        st.just(STATUS),
        st.booleans(),
        st.just((("Completed", "FINISHED"), ("Failed", "FAILED"), ("Running", "é"))),
    ),
)
orders = st.lists(keys, max_size=3, unique_by=lambda key: key.field)
quick = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
thorough = settings(quick, max_examples=300)


@pytest.fixture
def made(make):
    def of(rows):
        Run.objects.all().delete()
        return [make(**row) for row in rows]

    return of


def check_conditions(workspace, rows, node):
    conditions = Conditions(workspace, [node])
    expected = {row["run_id"] for row in rows if plain.fits(row, node)}
    by_probing = Run.objects.filter(workspace=workspace).filter(conditions.of(node))
    assert {run.run_id for run in by_probing} == expected
    driving = [part for part in conjuncts(node) if conditions.can_drive(part)]
    by_index = Run.objects.filter(workspace=workspace).filter(conditions.of(node, driving=driving))
    assert {run.run_id for run in by_index} == expected


def check_pages(workspace, experiment, rows, node, order, size):
    experiment.last_number = len(rows)
    question = Question(workspace, [experiment], node, order)
    expected = [row["run_id"] for row in plain.ordered([row for row in rows if plain.fits(row, node)], order)]
    names = dict(Run.objects.values_list("pk", "run_id"))

    found: list[str] = []
    after: Place | None = None
    for _ in range(len(rows) + 1):
        page = finding.page(question, size=size, after=after)
        found += [names[pk] for pk in page.pks]
        after = page.last
        if after is None:
            break
        assert len(page.pks) == size

    assert found == expected
    for skip in range(len(rows) + 1):
        counted = finding.page(question, size=size, skip=skip)
        assert [names[pk] for pk in counted.pks] == expected[skip : skip + size]
        assert (counted.last is None) == (skip + size >= len(expected))


@quick
@given(rows=runs, node=trees)
def test_the_database_finds_what_a_question_means(made, workspace, rows, node):
    check_conditions(workspace, made(rows), node)


@quick
@given(rows=runs, node=trees, order=orders, size=st.integers(1, 3))
def test_pages_give_each_run_once_and_in_order(made, workspace, experiment, rows, node, order, size):
    check_pages(workspace, experiment, made(rows), node, order, size)


@quick
@given(rows=runs, node=trees, order=orders, size=st.integers(1, 3))
def test_walking_an_index_finds_the_same(made, few, workspace, experiment, rows, node, order, size):
    check_pages(workspace, experiment, made(rows), node, order, size)


@pytest.mark.thorough
@thorough
@given(rows=runs, node=trees)
def test_the_database_finds_what_very_many_questions_mean(made, workspace, rows, node):
    check_conditions(workspace, made(rows), node)


@pytest.mark.thorough
@thorough
@given(rows=runs, node=trees, order=orders, size=st.integers(1, 3))
def test_very_many_orders_are_walked_to_their_end(made, few, workspace, experiment, rows, node, order, size):
    check_pages(workspace, experiment, made(rows), node, order, size)
