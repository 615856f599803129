"""Datasets that runs read."""

import pytest

from runs import datasets, limits
from runs.datasets import CONTEXT, Described
from runs.errors import Invalid
from runs.models import Dataset
from tests import factories


def described(name="wine", digest="d1", source="s3://wine", **given):
    return Described(name, digest, "s3", source, **given)


def test_a_dataset_is_kept_once_and_its_first_description_stays(experiment):
    one, two = factories.make_run(experiment), factories.make_run(experiment)

    datasets.log(one, [described(source="first", schema="{}", profile=None)])
    datasets.log(two, [described(source="second")])

    kept = Dataset.objects.get()
    assert (kept.source, kept.schema, kept.profile) == ("first", "{}", None)
    assert [use.dataset for use in datasets.of_run(two)] == [kept]


def test_a_run_uses_a_dataset_once_and_keeps_the_first_tags(running):
    datasets.log(running, [described(tags={CONTEXT: "training"}), described(tags={CONTEXT: "twice in one request"})])
    datasets.log(running, [described(tags={CONTEXT: "eval"}), described(digest="d2")])

    assert [(use.dataset.digest, use.context, use.tags) for use in datasets.of_run(running)] == [
        ("d1", "training", {CONTEXT: "training"}),
        ("d2", "", {}),
    ]


def test_experiments_have_datasets_of_their_own(workspace, running):
    other = factories.make_run(factories.make_experiment(workspace, "other"))

    datasets.log(running, [described(source="here")])
    datasets.log(other, [described(source="there")])

    assert datasets.of_run(other)[0].dataset.source == "there"


@pytest.mark.parametrize(
    "wrong",
    [
        described(name="n" * (limits.DATASET_NAME_LENGTH + 1)),
        described(name=""),
        described(digest="d" * 37),
        described(source="s" * 65_536),
        described(schema="s" * (limits.DATASET_SCHEMA_LENGTH + 1)),
        described(schema={"not": "text"}),
        described(tags={"key": "v" * 501}),
    ],
)
def test_what_is_too_long_or_no_text_is_refused_and_nothing_is_kept(running, wrong):
    with pytest.raises(Invalid):
        datasets.log(running, [described(), wrong])

    assert not Dataset.objects.exists()


def test_a_profile_may_be_as_large_as_the_protocol_says(running):
    datasets.log(running, [described(profile="p" * limits.DATASET_PROFILE_LENGTH)])

    assert len(datasets.of_run(running)[0].dataset.profile) == limits.DATASET_PROFILE_LENGTH


def test_many_runs_are_read_in_one_query(experiment, django_assert_num_queries):
    made = [factories.make_run(experiment) for _ in range(5)]
    for run in made:
        datasets.log(run, [described(), described("cheese")])

    with django_assert_num_queries(1):
        found = datasets.uses_of([run.pk for run in made])
        assert [[use.dataset.name for use in found[run.pk]] for run in made] == [["wine", "cheese"]] * 5
