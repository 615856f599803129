import pytest

from runs import records
from runs.errors import Invalid, PropertyIsFixed
from runs.models import Parameter, Tag
from tests import factories


def test_tags_merge_and_a_tag_without_value_is_none(running):
    records.set_tags(running, {"quality": "great run"})
    records.set_tags(running, {"quality": "fantastic run", "worth another look": None})

    assert running.tags == {"quality": "fantastic run", "worth another look": None}
    assert dict(Tag.objects.values_list("key", "value")) == running.tags


def test_values_of_tags_become_text(running):
    records.set_tags(running, {"flag": True, "n": 3})

    assert running.tags == {"flag": "True", "n": "3"}


def test_setting_the_same_tag_again_records_no_event(running):
    records.set_tags(running, {"a": "1"})
    records.set_tags(running, {"a": "1"})

    assert running.events.filter(kind="tags.changed").count() == 1


def test_removing_a_tag_passes_over_unknown_ones(running):
    records.set_tags(running, {"a": "1", "b": None})

    records.remove_tags(running, ["a", "never there"])

    assert running.tags == {"b": None}
    assert list(Tag.objects.values_list("key", flat=True)) == ["b"]


def test_tags_of_an_ended_run_can_change(ended):
    records.set_tags(ended, {"seen": "yes"})

    assert ended.tags == {"seen": "yes"}


def test_a_property_is_written_once(running):
    records.add_properties(running, {"author": "azureml-user"})

    records.add_properties(running, {"author": "azureml-user"})
    with pytest.raises(PropertyIsFixed, match="author"):
        records.add_properties(running, {"fresh": "x", "author": "different-user"})

    running.refresh_from_db()
    assert running.properties == {"author": "azureml-user"}


def test_properties_without_a_value_are_dropped(running):
    records.add_properties(running, {"a": None, "b": "x"})

    assert running.properties == {"b": "x"}


def test_parameters_keep_their_type_and_compare_as_numbers(running):
    records.log_parameters(running, {"lr": 0.1, "layers": 3, "amp": True, "name": "10", "grid": [1, 2], "none": None})

    assert running.parameters == {"lr": 0.1, "layers": 3, "amp": True, "name": "10", "grid": "[1, 2]", "none": None}
    numbers = dict(Parameter.objects.values_list("key", "number"))
    assert numbers == {"lr": 0.1, "layers": 3.0, "amp": 1.0, "name": 10.0, "grid": None, "none": None}


def test_a_parameter_cannot_change_its_value_or_type(running):
    records.log_parameters(running, {"layers": 3})

    for other in (4, "3", 3.0):
        with pytest.raises(PropertyIsFixed):
            records.log_parameters(running, {"layers": other})


@pytest.mark.parametrize(
    "value", [2**63, -(2**63) - 1, "a\0b", "\ud800", "x" * 100_001], ids=["big", "small", "nul", "surrogate", "long"]
)
def test_what_no_database_can_hold_is_refused(running, value):
    with pytest.raises(Invalid):
        records.log_parameters(running, {"p": value})

    running.refresh_from_db()
    assert running.parameters == {}


def test_a_new_run_has_its_rows_for_filters(experiment):
    run = factories.make_run(experiment, tags={"a": None}, properties={"b": 1}, parameters={"c": float("nan")})

    assert run.tags == {"a": None}
    assert run.properties == {"b": "1"}
    assert run.parameters == {"c": "nan"}
    assert [row.key for row in run.tag_rows.all()] == ["a"]
    assert [row.value for row in run.property_rows.all()] == ["1"]
    assert [row.number for row in run.parameter_rows.all()] == [None]
