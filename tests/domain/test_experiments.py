import pytest

from runs import experiments
from runs.errors import AlreadyExists, Conflict, Invalid, StudioError
from runs.models import Event, Experiment
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


# As MLflow's clients use them


@pytest.mark.parametrize("name", ["/Users/mina@example.org/digits", "50 % é", "-a", "x" * 500])
def test_an_experiment_may_be_made_under_any_name_that_is_text(workspace, alice, name):
    made = experiments.create(workspace, name, by=alice, tags={"team": "vision"}, experiment_id="7")

    made.refresh_from_db()
    assert (made.name, made.created_by, made.tags, made.experiment_id) == (name, alice, {"team": "vision"}, "7")


@pytest.mark.parametrize("name", ["", "x" * 501, "a\0b", 5])
def test_a_name_that_is_no_such_text_makes_nothing(workspace, name):
    with pytest.raises(StudioError):
        experiments.create(workspace, name)

    assert not Experiment.objects.exists()


def test_a_name_that_is_taken_makes_nothing_and_that_of_an_archived_one_is_free(workspace):
    first = experiments.create(workspace, "digits")
    with pytest.raises(AlreadyExists):
        experiments.create(workspace, "digits")

    experiments.archive(first)

    assert experiments.create(workspace, "digits") != first


def test_experiments_get_ids_of_their_own(workspace):
    one, two = (experiments.create(workspace, name).experiment_id for name in ("a", "b"))

    assert one
    assert one != two


def test_an_experiment_is_renamed(experiment):
    told = experiments.rename(experiment, "a new/name")

    assert told.name == "a new/name"
    assert Experiment.objects.get(pk=experiment.pk).name == "a new/name"


def test_a_rename_to_the_name_of_another_is_refused(workspace, experiment):
    experiments.create(workspace, "taken")

    with pytest.raises(AlreadyExists):
        experiments.rename(experiment, "taken")

    assert Experiment.objects.get(pk=experiment.pk).name == "mnist"


def test_the_default_experiment_is_made_once_in_each_workspace(workspace):
    first, again = experiments.default(workspace), experiments.default(workspace)
    elsewhere = experiments.default(factories.make_workspace("vision"))

    assert first == again != elsewhere
    assert [(one.experiment_id, one.name) for one in (first, elsewhere)] == [("0", "Default"), ("0", "Default")]


def test_whoever_makes_an_experiment_named_default_makes_the_default_one(workspace):
    made, is_new = experiments.get_or_create(workspace, "Default")

    assert is_new
    assert made == experiments.default(workspace)


def test_the_default_experiment_leaves_its_name_to_another_that_has_it(workspace):
    experiments.rename(experiments.get_or_create(workspace, "scratch")[0], "Default")

    assert experiments.default(workspace).name == "Default (0)"


def test_a_default_experiment_that_was_renamed_or_archived_is_still_the_one(workspace):
    first = experiments.archive(experiments.rename(experiments.default(workspace), "scratch"))

    assert experiments.default(workspace) == first


def test_an_experiment_is_archived_without_its_runs_unless_they_are_named(experiment):
    run = factories.make_run(experiment)

    experiments.archive(experiment)

    run.refresh_from_db()
    assert (experiment.archived_at is None, run.archived_at) == (False, None)


def test_archiving_with_the_runs_and_restoring_with_them_leaves_an_event_of_each(experiment, alice):
    runs = [factories.make_run(experiment) for _ in range(3)]

    experiments.archive(experiment, with_runs=True, by=alice)
    assert not experiment.runs.filter(archived_at=None).exists()
    experiments.restore(experiment, with_runs=True, by=alice)

    assert not experiment.runs.exclude(archived_at=None).exists()
    for run in runs:
        events = Event.objects.filter(run=run, kind__in=["archived", "restored"]).order_by("pk")
        assert [(event.kind, event.actor) for event in events] == [("archived", alice), ("restored", alice)]


def test_archiving_again_changes_nothing(experiment):
    at = experiments.archive(experiment).archived_at
    run = factories.make_run(experiment)

    experiments.archive(experiment, with_runs=True)

    run.refresh_from_db()
    assert (experiment.archived_at, run.archived_at) == (at, None)


def test_a_restore_that_is_refused_leaves_the_runs_archived(workspace, experiment):
    run = factories.make_run(experiment)
    experiments.archive(experiment, with_runs=True)
    experiments.create(workspace, experiment.name)

    with pytest.raises(AlreadyExists):
        experiments.restore(experiment, with_runs=True)

    run.refresh_from_db()
    assert run.archived_at is not None
