"""The model registry: names, versions, and the files of runs that they stand for."""

import pytest
from django.core.files.base import ContentFile
from django.db.models import RestrictedError

from runs import artifacts, registry
from runs.errors import Conflict, Invalid, NotFound, PropertyIsFixed, TooLarge
from runs.models import ModelVersion, RegisteredModel
from tests import factories


def put(run, *paths):
    for path in paths:
        artifacts.put(run, path, stream=ContentFile(b"weights"), size_bytes=7, sha256=None)


@pytest.fixture
def trained(running):
    """A run with a file of its own, a folder, and a neighbour of it that begins with the same letters."""
    put(running, "model.bin", "outputs/model/a.bin", "outputs/model/deep/b.bin", "outputs/models.txt")
    return running


def register(run, name="digits", path="model.bin", **given):
    return registry.register(run.workspace, name, run=run, path=path, **given)[0]


def test_versions_rise_by_one_for_each_model(trained):
    made = [register(trained, name) for name in ("digits", "digits", "letters", "digits")]

    assert [(each.model.name, each.version) for each in made] == [
        ("digits", 1), ("digits", 2), ("letters", 1), ("digits", 3),
    ]  # fmt: skip


def test_the_number_of_a_deleted_version_is_not_used_again(trained):
    register(trained)
    registry.delete(register(trained))

    assert register(trained).version == 3


def test_a_version_of_a_folder_has_what_lies_in_it_and_nothing_beside_it(trained):
    whole = register(trained, path="outputs/model")
    single = register(trained, path="outputs/models.txt")

    assert [file.path for file in registry.files_of(whole)] == ["outputs/model/a.bin", "outputs/model/deep/b.bin"]
    assert [file.path for file in registry.files_of(single)] == ["outputs/models.txt"]


def test_a_path_that_the_run_has_not_is_refused_with_those_that_it_has(trained):
    with pytest.raises(NotFound, match=r"no file or folder 'outputs/mod'.*model\.bin, outputs/model/a\.bin"):
        register(trained, path="outputs/mod")

    assert not RegisteredModel.objects.exists()


def test_a_run_without_files_says_so(running):
    with pytest.raises(NotFound, match="no files at all"):
        register(running)


@pytest.mark.parametrize("path", ["", "/model.bin", "../model.bin", "outputs/", "a\\b"])
def test_a_path_that_is_none_is_refused(path, trained):
    with pytest.raises(Invalid):
        register(trained, path=path)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a:1", "a\\b", " a", "a ", "a\nb", "x" * 256, None, 3])
def test_a_name_that_could_not_be_addressed_is_refused(name, trained):
    with pytest.raises(Invalid):
        register(trained, name)


def test_a_name_may_have_spaces_and_letters_of_any_language(trained):
    assert register(trained, "Ziffern groß 1.0").model.name == "Ziffern groß 1.0"


def test_a_repeated_request_makes_one_version(trained):
    first, made = registry.register(trained.workspace, "digits", run=trained, path="model.bin", registration_id="x")
    again, made_again = registry.register(
        trained.workspace, "digits", run=trained, path="model.bin", registration_id="x"
    )

    assert (made, made_again) == (True, False)
    assert first == again
    assert ModelVersion.objects.count() == 1


def test_what_is_told_of_a_version_is_kept_as_text(trained, alice):
    version = register(
        trained, by=alice, framework="PyTorch", framework_version="2.9", tags={"ok": True, "mark": None},
        properties={"lr": 0.1, "nothing": None},
    )  # fmt: skip

    version.refresh_from_db()
    assert (version.framework, version.framework_version, version.created_by) == ("PyTorch", "2.9", alice)
    assert version.tags == {"ok": "True", "mark": None}
    assert version.properties == {"lr": "0.1"}


def test_registering_is_an_event_of_the_run(trained, alice):
    register(trained, by=alice)

    event = trained.events.get(kind="model.registered")
    assert event.actor == alice
    assert event.detail == {"model": "digits", "version": 1, "path": "model.bin"}


def test_a_file_of_a_version_is_not_deleted(trained):
    version = register(trained, path="outputs/model")

    with pytest.raises(Conflict, match="digits:1"):
        artifacts.delete(artifacts.find(trained, "outputs/model/deep/b.bin"))
    artifacts.delete(artifacts.find(trained, "outputs/models.txt"))
    registry.delete(version)
    artifacts.delete(artifacts.find(trained, "outputs/model/deep/b.bin"))

    assert [file.path for file in artifacts.listing(trained)] == ["model.bin", "outputs/model/a.bin"]


def test_deleting_a_model_keeps_the_files(trained):
    register(trained)
    registry.delete(registry.find(trained.workspace, "digits"))

    assert not ModelVersion.objects.exists()
    assert artifacts.find(trained, "model.bin")


def test_a_run_is_not_deleted_under_a_version_but_its_workspace_takes_both(trained):
    register(trained)

    with pytest.raises(RestrictedError):
        trained.delete()
    trained.workspace.delete()

    assert not ModelVersion.objects.exists()


def test_the_latest_version_is_the_highest_that_is_left(trained):
    for _ in range(3):
        last = register(trained)
    registry.delete(last)
    register(trained, "letters")

    assert {model.name: model.latest_version for model in registry.models(trained.workspace)} == {
        "digits": 2, "letters": 1,
    }  # fmt: skip
    newest = registry.newest_only(registry.versions(trained.workspace))
    assert {(each.model.name, each.version) for each in newest} == {("digits", 2), ("letters", 1)}


def test_a_model_without_versions_is_still_there(trained):
    registry.delete(register(trained))

    assert registry.find(trained.workspace, "digits").latest_version is None


@pytest.mark.parametrize("version", [0, -1, 2, 2**63])
def test_a_version_that_is_not_there_is_not_found(version, trained):
    register(trained)

    with pytest.raises(NotFound):
        registry.find_version(trained.workspace, "digits", version)


def test_models_of_another_workspace_are_not_found(trained, charlie):
    register(trained)
    elsewhere = factories.make_workspace("far", owner=charlie)

    with pytest.raises(NotFound):
        registry.find(elsewhere, "digits")
    assert not registry.versions(elsewhere).exists()


@pytest.mark.parametrize("of", ["model", "version"])
def test_tags_and_description_change(of, trained):
    version = register(trained)
    row = registry.find(trained.workspace, "digits") if of == "model" else version
    registry.set_tags(row, {"a": 1, "b": None})
    registry.remove_tags(row, ["a", "never there"])
    registry.describe(row, "reads digits")

    row.refresh_from_db()
    assert (row.tags, row.description) == ({"b": None}, "reads digits")
    with pytest.raises(TooLarge):
        registry.set_tags(row, {f"tag {n}": n for n in range(1_001)})


def test_a_property_of_a_version_is_written_once(trained):
    version = register(trained, properties={"data": "2026"})
    registry.add_properties(version, {"data": "2026", "more": 1})

    with pytest.raises(PropertyIsFixed):
        registry.add_properties(version, {"data": "2027", "other": 1})

    version.refresh_from_db()
    assert version.properties == {"data": "2026", "more": "1"}
