"""Pages of a search: what they cost, how they end, and where they go on."""

import base64
import json
import math

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from runs import lifecycle
from runs.errors import Invalid
from runs.models import Run
from runs.search import bounds, finding, paging, places, query, reading
from runs.search.finding import Question
from runs.search.ordering import Key
from runs.search.query import Criteria
from runs.search.tree import And, Compare, Field, Kind, Operator
from tests import factories

LOSS = Field(Kind.METRIC, "loss")
TEAM = Compare(Field(Kind.TAG, "team"), Operator.EQUAL, "a")


def names_of(found):
    return [row.display_name for row in reading.rows(found.pks)]


def test_the_latest_start_comes_first_and_the_id_decides_between_equals(make, workspace, experiment):
    make(name="old", started=1)
    make(name="second", started=5)  # its id is the greater one
    make(name="first", started=5)
    make(name="never", started=None)
    ids = dict(Run.objects.values_list("display_name", "run_id"))
    equal = sorted(["first", "second"], key=ids.get)

    assert names_of(finding.page(Question(workspace, [experiment]), size=9)) == [*equal, "old", "never"]


@pytest.mark.parametrize("is_falling", [False, True])
def test_numbers_come_before_nan_and_nan_before_none_both_ways(make, workspace, experiment, is_falling):
    for name, value in {"none": None, "nan": math.nan, "up": math.inf, "down": -math.inf, "one": 1, "two": 2}.items():
        make(name=name, metrics={} if value is None else {"loss": value})
    numbers = ["down", "one", "two", "up"]

    found = names_of(finding.page(Question(workspace, [experiment], order=[Key(LOSS, is_falling)]), size=9))

    assert found == [*(reversed(numbers) if is_falling else numbers), "nan", "none"]


def test_a_page_that_is_exactly_full_is_the_last_one(make, workspace, experiment):
    for _ in range(4):
        make()
    question = Question(workspace, [experiment])

    first = finding.page(question, size=2)
    second = finding.page(question, size=2, after=first.last)

    assert first.last is not None
    assert len(second.pks) == 2
    assert second.last is None


def test_archived_runs_are_found_when_they_are_asked_for(make, workspace, experiment):
    make(name="active")
    gone = make(name="gone")
    lifecycle.archive(Run.objects.get(pk=gone["pk"]))

    def found(is_archived):
        return set(names_of(finding.page(Question(workspace, [experiment], is_archived=is_archived), size=9)))

    assert found(False) == {"active"}
    assert found(True) == {"gone"}
    assert found(None) == {"active", "gone"}


def test_several_experiments_are_searched_together_and_none_finds_nothing(make, workspace, experiment):
    make(name="here", started=1)
    other = factories.make_experiment(workspace, "other")
    factories.make_run(other, display_name="there")

    assert names_of(finding.page(Question(workspace, [experiment, other]), size=9)) == ["there", "here"]
    assert finding.page(Question(workspace, []), size=9).pks == []


def queries(work) -> int:
    with CaptureQueriesContext(
        connection,
    ) as seen:
        work()
    return len(seen)


def test_queries_do_not_grow_with_the_runs_of_a_page(make, workspace, experiment):
    question = Question(workspace, [experiment], And((TEAM, Compare(LOSS, Operator.MORE, 0))), [Key(LOSS)])

    def work():
        pks = finding.page(question, size=50).pks
        assert len(list(reading.rows(pks))) == len(reading.last_metrics(pks)) == Run.objects.count()

    make(tags={"team": "a"}, metrics={"loss": 1, "accuracy": 2})
    one = queries(work)
    for _ in range(5):
        make(tags={"team": "a"}, metrics={"loss": 1, "accuracy": 2})

    assert queries(work) == one


def test_what_a_list_shows_is_read_as_it_was_written(make, alice):
    parent = make(name="parent")
    child = make(name="Kind", tags={"a": "ü", "b": None}, parameters={"lr": 0.1, "n": 10}, started=1.5, parent=parent)

    [row] = reading.rows([child["pk"]])

    assert (row.display_name, row.tags, row.parameters) == ("Kind", {"a": "ü", "b": None}, {"lr": 0.1, "n": 10})
    assert (row.started_at, row.ended_at, row.archived_at) == (child["started"], None, None)
    assert (row.parent.run_id, row.submitted_by.username) == (parent["run_id"], alice.username)
    assert row.experiment.experiment_id == Run.objects.get(pk=child["pk"]).experiment.experiment_id


# Tokens


@pytest.fixture
def token(make, workspace, experiment):
    for step in range(3):
        make(metrics={"loss": step})
    place = finding.page(Question(workspace, [experiment], order=[Key(LOSS)]), size=1).last
    return places.write(place, "this")


def test_a_token_leads_on(token, workspace, experiment):
    after, skip = places.read(token, "this")

    assert skip == 0
    assert len(finding.page(Question(workspace, [experiment], order=[Key(LOSS)]), size=9, after=after).pks) == 2


def test_a_token_of_another_question_is_refused(token):
    with pytest.raises(Invalid, match="Invalid page token"):
        places.read(token, "that")


def test_an_offset_is_a_token_too():
    for separators in (None, (",", ":")):
        made_up = base64.b64encode(json.dumps({"offset": 50}, separators=separators).encode()).decode()
        assert places.read(made_up, "this") == (None, 50)


@pytest.mark.parametrize(
    "written",
    [
        "x", "é", "[]", "null", "{}", '{"offset": -1}', '{"offset": "1"}', '{"offset": 1.5}', '{"offset": true}',
        '{"offset": 99999999999999999999}', '{"of": "this"}', '{"of": "this", "in": -1, "behind": []}',
        '{"of": "this", "in": 0, "behind": [NaN]}', '{"of": "this", "in": 0, "behind": [{"at": "never"}]}',
        '{"of": "this", "in": 0, "behind": ["\\ud800"]}', '{"of": "this", "in": 0, "behind": [[1]]}', "[" * 100_000,
    ],
)  # fmt: skip
def test_what_is_no_token_is_refused(written):
    for token in (written, base64.b64encode(written.encode()).decode()):
        with pytest.raises(Invalid, match="Invalid page token"):
            places.read(token, "this")


@pytest.mark.parametrize("rank", [1, 4, 7])
@pytest.mark.parametrize(
    "values", [(), ("x",), (None, None, "x"), ("x", None, "x"), (1.0, "x", "x"), (1.0, None, None)]
)
def test_a_forged_place_never_breaks_the_database(token, workspace, experiment, rank, values):
    with pytest.raises(Invalid, match="Invalid page token"):
        finding.page(Question(workspace, [experiment], order=[Key(LOSS)]), size=9, after=finding.Place(rank, values))


# Bounds


def test_a_query_that_takes_too_long_is_stopped_with_a_sentence(db):
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"

    with pytest.raises(Invalid, match=r"longer than 0.1 seconds"), bounds.bounded(0.1), connection.cursor() as cursor:
        cursor.execute(endless)


# Lists, sorted by a metric


@pytest.mark.parametrize("sort", ["metric:loss", "-metric:loss", "-metric:unknown", "metric:note"])
@pytest.mark.parametrize("window", [0, 2, 6_000])
def test_a_list_by_a_metric_is_walked_both_ways_in_one_order(make, workspace, monkeypatch, sort, window):
    monkeypatch.setattr("runs.search.sorting._WINDOW", window)
    for value in (1, 1, 3, math.nan, 2, math.inf):
        make(metrics={"loss": value})
    make()
    make()
    runs = query.matching(workspace, Criteria())
    whole = [run.pk for run in paging.page(runs, sort=sort, size=100).rows]

    pages, cursor = [], None
    while True:
        page = paging.page(runs, sort=sort, after=cursor, size=2, workspace=workspace)
        pages.append([run.pk for run in page.rows])
        cursor = page.older
        if cursor is None:
            break
    back = []
    while page.newer:
        page = paging.page(runs, sort=sort, before=page.newer, size=2, workspace=workspace)
        back.insert(0, [run.pk for run in page.rows])

    assert [pk for pks in pages for pk in pks] == whole
    assert back == pages[:-1]


def test_a_count_is_that_of_the_list(make, workspace):
    for team in "aab":
        make(tags={"team": team})

    assert query.count(workspace, Criteria(tag=["team=a"])) == 2
    assert query.count(workspace, Criteria(tag=["team"])) == 3
    assert query.count(workspace, Criteria(tag=["team=c"])) == 0
