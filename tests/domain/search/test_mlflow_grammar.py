"""MLflow's filters and orders, read; and everything else refused with a sentence."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runs.errors import Invalid
from runs.search.fields import PARENT, RUN_ID, STARTED, STATUS
from runs.search.mlflow_grammar import Vocabulary, parse, parse_order
from runs.search.ordering import Key
from runs.search.tree import And, Compare, Field, Kind, Not, Operator, Present
from tests.domain.search.conftest import EPOCH_MS, at_ms

NAME = Field(Kind.RUN, "name")
WORDS = Vocabulary(
    attributes={"run_id": RUN_ID, "run_name": NAME, "run name": NAME, "status": STATUS, "start_time": STARTED},
    entities={
        "metrics": Kind.METRIC,
        "params": Kind.PARAMETER,
        "tags": Kind.TAG,
        "dataset": Kind.DATASET,
        "attr": None,
    },
    tags={"mlflow.runName": NAME, "mlflow.parentRunId": PARENT},
    statuses={"RUNNING": ("Running", "Finalizing"), "FINISHED": ("Completed",), "FAILED": ("Failed",)},
    status=STATUS,
)


def tag(key):
    return Field(Kind.TAG, key)


def metric(key):
    return Field(Kind.METRIC, key)


def parsed(text):
    return parse(text, WORDS)


@pytest.mark.parametrize("text", ["", "   ", "\n\t"])
def test_an_empty_filter_asks_nothing(text):
    assert parsed(text) == And()


@pytest.mark.parametrize("sign", ["=", "!=", "<", "<=", ">", ">="])
def test_metrics_are_compared_with_numbers_by_every_sign(sign):
    assert parsed(f"metrics.loss{sign}-1.5e3") == Compare(metric("loss"), Operator(sign), -1500.0)


@pytest.mark.parametrize("word", ["LIKE", "ilike", "Like"])
def test_texts_are_compared_with_patterns_in_any_case_of_the_word(word):
    assert parsed(f"params.lr {word} '0.%'") == Compare(Field(Kind.PARAMETER, "lr"), Operator(word.lower()), "0.%")


def test_conditions_are_connected_by_and_in_any_case():
    both = (Compare(tag("a"), Operator.EQUAL, "1"), Compare(metric("b"), Operator.MORE, 2))

    assert parsed("tags.a='1' AND metrics.b>2") == parsed("tags.a = '1' and  metrics.b > 2") == And(both)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("tags.`a b`", "a b"),
        ('tags."a b"', "a b"),
        ("tags.`a.b-c/d:e`", "a.b-c/d:e"),
        ("tags.mlflow.source.name", "mlflow.source.name"),
        ("tags.größe", "größe"),
        ("tags.1st", "1st"),
        ("TAGS.a", "a"),
    ],
)
def test_keys_are_what_follows_the_first_dot_or_stands_in_quotes(text, key):
    assert parsed(f"{text} = 'x'") == Compare(tag(key), Operator.EQUAL, "x")


@pytest.mark.parametrize(
    ("written", "value"),
    [("'a'", "a"), ('"a"', "a"), ("'it''s'", "it's"), (r"'it\'s'", "it's"), ("'a AND b'", "a AND b"), ("'\"'", '"')],
)
def test_texts_stand_in_quotes_of_either_kind(written, value):
    assert parsed(f"tags.k = {written}") == Compare(tag("k"), Operator.EQUAL, value)


def test_lists_are_for_attributes_and_datasets():
    assert parsed("run_id IN ('a', 'b')") == Compare(RUN_ID, Operator.IN, ("a", "b"))
    assert parsed("attr.run_id not in ('a')") == Compare(RUN_ID, Operator.NOT_IN, ("a",))
    assert parsed("dataset.name IN ('a')") == Compare(Field(Kind.DATASET, "name"), Operator.IN, ("a",))
    with pytest.raises(Invalid, match="lists are for attributes"):
        parsed("tags.a IN ('a')")


def test_absent_tags_and_parameters_can_be_asked_for():
    assert parsed("tags.a IS NULL") == Not(Present(tag("a")))
    assert parsed("params.a is not null") == Present(Field(Kind.PARAMETER, "a"))
    assert parsed("tags.mlflow.parentRunId IS NULL") == Not(Present(PARENT))
    with pytest.raises(Invalid, match="no tag and no parameter"):
        parsed("metrics.a IS NULL")


def test_some_tags_are_fields():
    assert parsed("tags.mlflow.parentRunId = 'r1'") == Compare(PARENT, Operator.EQUAL, "r1")
    assert parsed("tags.`mlflow.runName` LIKE 'x%'") == Compare(NAME, Operator.LIKE, "x%")
    assert parsed("run name = 'x'") == parsed("`run name` = 'x'") == parsed("attr.run_name = 'x'")


@pytest.mark.parametrize(
    ("text", "statuses"),
    [
        ("status = 'RUNNING'", ("Running", "Finalizing")),
        ("attr.status != 'RUNNING'", ("Completed", "Failed")),
        ("status LIKE 'F%'", ("Completed", "Failed")),
        ("status ILIKE 'fin%'", ("Completed",)),
        ("status IN ('FAILED', 'FINISHED')", ("Completed", "Failed")),
        ("status = 'running'", ()),
        ("status = 'Completed'", ()),
    ],
)
def test_a_status_is_asked_by_its_word_and_means_all_that_have_it(text, statuses):
    assert parsed(text) == Compare(STATUS, Operator.IN, statuses)


def test_a_time_is_a_whole_millisecond():
    first, behind = Compare(STARTED, Operator.AT_LEAST, at_ms(5)), Compare(STARTED, Operator.LESS, at_ms(6))

    assert parsed(f"start_time = {EPOCH_MS + 5}") == And((first, behind))
    assert parsed(f"start_time <= {EPOCH_MS + 5}") == behind
    assert parsed(f"start_time >= {EPOCH_MS + 5}") == first
    assert parsed(f"start_time > {EPOCH_MS + 4}") == first
    assert parsed(f"start_time < {EPOCH_MS + 6}") == behind
    assert parsed(f"start_time > {EPOCH_MS + 4}.5") == first


@pytest.mark.parametrize("number", ["1e400", "-1e400", "9" * 400, "-" + "9" * 400])
def test_numbers_beyond_all_bounds_are_read(number):
    parsed(f"metrics.a > {number}")
    parsed(f"start_time > {number}")


def test_an_empty_tag_may_have_an_empty_text_or_none():
    assert parsed("tags.a = ''").parts[1] == Compare(tag("a"), Operator.EQUAL, None)


@pytest.mark.parametrize(
    "text",
    [
        "tags.a = 'x' OR tags.b = 'y'",
        "(tags.a = 'x')",
        "NOT tags.a = 'x'",
        "tags.a",
        "tags.a =",
        "= 'x'",
        "tags. = 'x'",
        "tags.`` = 'x'",
        "tags.a == 'x'",
        "tags.a <> 'x'",
        "tags.a > 'x'",
        "tags.a = 1",
        "tags.a = x",
        "tags.a = 'x",
        "tags.a = 'x' AND",
        "tags.a = 'x' tags.b = 'y'",
        "tags.a IS 'x'",
        "metrics.a = 'x'",
        "metrics.a LIKE 1",
        "metrics.a = (1)",
        "start_time = 'x'",
        "run_id IN 'a'",
        "run_id IN ()",
        "run_id IN ('a',)",
        "run_id IN ('a' 'b')",
        "run_id IN (1)",
        "run_id = ('a')",
        "experiment_id = '1'",
        "lifecycle_stage = 'active'",
        "dataset.size = '1'",
        "things.a = '1'",
        "tags.a = '\0'",
        "tags.a = '\ud800'",
        "tags.a LIKE '" + "%a" * 5_000 + "'",
        "metrics.a = 1 AND " * 200 + "metrics.a = 1",
        "'" * 99_999,
        "x" * 200_000,
    ],
)
def test_what_is_no_filter_is_refused_with_a_sentence(text):
    with pytest.raises(Invalid) as refusal:
        parsed(text)

    refusal.value.message.encode()
    assert 10 < len(refusal.value.message) < 1_000


def test_orders_are_fields_rising_or_falling():
    written = ["metrics.`val loss` DESC", "start_time", "params.lr asc", "run name"]

    assert parse_order(written, WORDS) == [
        Key(metric("val loss"), is_falling=True),
        Key(STARTED),
        Key(Field(Kind.PARAMETER, "lr")),
        Key(NAME),
    ]


def test_an_order_by_status_goes_by_its_words():
    [key] = parse_order(["status DESC"], WORDS)

    assert dict(key.words) == {
        "Running": "RUNNING",
        "Finalizing": "RUNNING",
        "Completed": "FINISHED",
        "Failed": "FAILED",
    }


@pytest.mark.parametrize(
    "clauses",
    [
        ["metrics.a", "metrics.a DESC"],
        ["run_name", "run name"],
        ["metrics.a UP"],
        [""],
        ["dataset.name"],
        [None],
        ["x"],
    ],
)
def test_what_is_no_order_is_refused(clauses):
    with pytest.raises(Invalid):
        parse_order(clauses, WORDS)


PIECES = [
    *(
        "metrics.",
        "tags.",
        "params.",
        "attr.",
        "dataset.",
        "run_id",
        "status",
        "start_time",
        "name",
        "`",
        '"',
        "'",
        "''",
    ),
    *("=", "!=", "<", ">=", "LIKE", "ILIKE", "IN", "NOT", "IS", "NULL", "AND", "OR", "(", ")", ",", ".", "a", "\\"),
    *("1", "-", "1.5e3", "e", "%", " ", "\0", "\ud800", "é", "٣", "²", "\n", ";", "--", "/*"),
]


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.text(), st.lists(st.sampled_from(PIECES), max_size=14).map("".join)))
def test_any_text_is_a_filter_or_is_refused(text):
    for read in (parsed, lambda order: parse_order([order], WORDS)):
        try:
            read(text)
        except Invalid as refusal:
            refusal.message.encode()
