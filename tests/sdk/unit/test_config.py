"""Which workspace a folder belongs to."""

from __future__ import annotations

import json

import pytest
from runstudio import _config
from runstudio._config import FolderConfig
from runstudio.errors import UserErrorException

NAMES = {"subscription_id": "s", "resource_group": "g", "workspace_name": "vision"}
SCOPE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/vision"


@pytest.mark.parametrize("document", [NAMES, {"Id": None, "Scope": SCOPE}, {"Id": None, "Scope": SCOPE.lower() + "/"}])
@pytest.mark.parametrize("place", [".azureml/config.json", "aml_config/project.json", "config.json"])
def test_both_forms_are_found_in_every_place_from_a_folder_below(document, place, tmp_path):
    (tmp_path / place).parent.mkdir(exist_ok=True)
    (tmp_path / place).write_text(json.dumps(document))
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)

    found = _config.find(below)

    assert (found.subscription_id, found.resource_group, found.workspace_name) == ("s", "g", "vision")


def test_the_nearest_folder_wins_and_in_it_the_azureml_folder(tmp_path):
    for place, name in (("config.json", "far"), ("a/config.json", "near"), ("a/.azureml/config.json", "nearest")):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text(json.dumps({"workspace_name": name}))

    assert _config.find(tmp_path / "a").workspace_name == "nearest"


def test_a_file_of_another_name_is_read_when_it_is_named(tmp_path):
    (tmp_path / "west.json").write_text("\ufeff" + json.dumps(NAMES), encoding="utf-8")

    assert _config.find(tmp_path, "west.json").workspace_name == "vision"
    assert _config.find(tmp_path / "west.json").workspace_name == "vision"


def test_what_is_missing_is_told_with_the_folder_where_the_search_began(tmp_path):
    with pytest.raises(UserErrorException) as caught:
        _config.find(tmp_path)

    assert f"config.json in: {tmp_path}" in caught.value.message


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"Scope": "/subscriptions/s"}'])
def test_a_file_that_names_no_workspace_is_refused(text, tmp_path):
    (tmp_path / "config.json").write_text(text)

    with pytest.raises(UserErrorException, match="does not say which workspace"):
        _config.find(tmp_path)


def test_what_is_written_is_v1s_form_and_is_read_again(tmp_path):
    path = _config.write(FolderConfig("vision", url="http://127.0.0.1:8000", experiment="mnist"), tmp_path)

    written = json.loads(path.read_text())
    found = _config.find(tmp_path)

    assert path == tmp_path / ".azureml" / "config.json"
    assert written["Scope"].endswith("/workspaces/vision")
    assert (found.workspace_name, found.url, found.experiment) == ("vision", "http://127.0.0.1:8000", "mnist")
