import pytest

from runs import experiments
from runs.errors import AlreadyExists, Conflict, Invalid
from runs.models import Experiment
from tests import factories


def test_an_experiment_is_made_once(workspace, alice):
    first, made = experiments.get_or_create(workspace, "explore-runs", by=alice)
    again, made_again = experiments.get_or_create(workspace, "explore-runs", by=alice)

    assert (made, made_again) == (True, False)
    assert again == first


@pytest.mark.parametrize("name", ["", "-a", "_a", "a b", "a/b", "é", "x" * 256, None, 5])
def test_a_name_that_breaks_the_rules_is_refused(workspace, name):
    with pytest.raises(Invalid):
        experiments.get_or_create(workspace, name)

    assert not Experiment.objects.exists()


def test_only_empty_experiments_can_be_deleted(experiment):
    factories.make_run(experiment)

    with pytest.raises(Conflict, match="Only empty experiments can be deleted"):
        experiments.delete(experiment)

    empty = factories.make_experiment(experiment.workspace, "empty")
    experiments.delete(empty)
    assert list(Experiment.objects.all()) == [experiment]


def test_restoring_under_a_name_that_was_taken_is_refused(workspace, experiment):
    experiments.archive(experiment)
    experiments.get_or_create(workspace, experiment.name)

    with pytest.raises(AlreadyExists):
        experiments.restore(experiment)


def test_tags_of_an_experiment_merge_and_go(experiment):
    experiments.set_tags(experiment, {"a": 1, "b": None})
    experiments.remove_tags(experiment, ["a", "unknown"])

    experiment.refresh_from_db()
    assert experiment.tags == {"b": None}
