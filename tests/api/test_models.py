"""Registered models and their versions, and the source of an interactive run."""

import hashlib
import io
import zipfile

import pytest

from runs.models import ModelVersion


@pytest.fixture
def trained(api, running):
    """A run that keeps a folder."""
    for name in ("a.bin", "b.bin"):
        api.raw("PUT", f"/runs/{running.run_id}/artifacts/outputs/model/{name}", b"weights", "application/octet-stream")
    return running.run_id


def register(api, run_id, /, **given):
    return api.send("POST", "/models", {"name": "digits", "run_id": run_id, "path": "outputs/model"} | given)


def test_a_folder_of_a_run_becomes_a_version_whose_files_are_the_runs(api, trained):
    answer = register(api, trained, framework="PyTorch", tags={"a": 1}, properties={"p": "q"}, description="d")

    told = answer.json()
    assert answer.status_code == 201
    assert (told["model"], told["version"], told["run_id"], told["experiment"]) == ("digits", 1, trained, "mnist")
    assert (told["tags"], told["properties"], told["created_by"]) == ({"a": "1"}, {"p": "q"}, "alice")
    files = api.send("GET", "/models/digits/versions/1/files").json()["items"]
    assert [file["path"] for file in files] == ["outputs/model/a.bin", "outputs/model/b.bin"]
    assert api.send("GET", "/models/digits").json()["latest_version"] == 1


def test_a_registration_with_an_id_may_be_repeated(api, trained):
    answers = [register(api, trained, registration_id="x") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [201, 200]
    assert answers[0].json() == answers[1].json()


@pytest.mark.parametrize(
    ("given", "status"),
    [({"path": "nothing"}, 404), ({"path": "../up"}, 400), ({"name": "a/b"}, 400), ({"run_id": "nobody"}, 404)],
)
def test_what_cannot_be_registered_is_refused(given, status, api, trained):
    assert register(api, trained, **given).status_code == status
    assert api.send("GET", "/models").json()["items"] == []


def test_versions_are_listed_by_model_run_framework_and_newest(api, trained):
    register(api, trained, framework="PyTorch")
    register(api, trained)
    register(api, trained, name="letters")

    def found(query):
        rows = api.send("GET", f"/model-versions?{query}").json()["items"]
        return [f"{row['model']}:{row['version']}" for row in rows]

    assert found("") == ["letters:1", "digits:2", "digits:1"]
    assert found("model=digits") == ["digits:2", "digits:1"]
    assert found("latest=true") == ["letters:1", "digits:2"]
    assert found("framework=PyTorch") == ["digits:1"]
    assert found(f"run={trained}&model=letters") == ["letters:1"]
    assert found("run=nobody") == []
    assert [row["name"] for row in api.send("GET", "/models?search=LET").json()["items"]] == ["letters"]


def test_a_version_and_a_model_are_tagged_described_and_deleted(api, trained):
    register(api, trained)
    register(api, trained)
    for place in ("/models/digits", "/models/digits/versions/1"):
        api.send("POST", f"{place}/tags", {"tags": {"a": 1, "b": None}})
        api.send("POST", f"{place}/tags/remove", {"keys": ["a"]})
        api.send("PATCH", place, {"description": "new"})
        told = api.send("GET", place).json()
        assert (told["tags"], told["description"]) == ({"b": None}, "new")

    fixed = api.send("POST", "/models/digits/versions/1/properties", {"properties": {"p": 1}})
    refused = api.send("POST", "/models/digits/versions/1/properties", {"properties": {"p": 2}})
    assert fixed.json()["properties"] == {"p": "1"}
    assert refused.json()["code"] == "property_is_fixed"

    assert api.send("DELETE", "/models/digits/versions/2").status_code == 204
    assert api.send("GET", "/models/digits").json()["latest_version"] == 1
    assert api.send("DELETE", "/models/digits").status_code == 204
    assert api.send("GET", "/models/digits/versions/1").status_code == 404
    assert len(api.send("GET", f"/runs/{trained}/artifacts").json()["items"]) == 2


def test_a_file_of_a_model_is_not_deleted(api, trained):
    register(api, trained)

    answer = api.send("DELETE", f"/runs/{trained}/artifacts/outputs/model/a.bin")

    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")


@pytest.mark.parametrize("version", [2, 0, 2**63, 2**64])
def test_a_version_that_is_not_there_answers_404(version, api, trained):
    register(api, trained)

    assert api.send("GET", f"/models/digits/versions/{version}").status_code == 404


def test_a_version_whose_files_no_run_keeps_is_answered_too(api, trained):
    register(api, trained)
    ModelVersion.objects.update(run=None)

    told = api.send("GET", "/models/digits/versions/1").json()

    assert (told["run_id"], told["experiment"]) == (None, None)
    assert api.send("GET", "/models/digits/versions/1/files").json()["items"] == []


# The source of an interactive run


def snapshot(api, text: str) -> str:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("train.py", text)
    digest = hashlib.sha256(file.getvalue()).hexdigest()
    api.raw("PUT", f"/snapshots/{digest}", file.getvalue(), "application/zip")
    return digest


def test_a_run_gets_one_snapshot(api, running):
    first, other = snapshot(api, "1"), snapshot(api, "2")
    address = f"/runs/{running.run_id}/snapshot"

    given = api.send("POST", address, {"snapshot_id": first}).json()
    again = api.send("POST", address, {"snapshot_id": first})
    refused = api.send("POST", address, {"snapshot_id": other})

    assert (given["snapshot_id"], given["properties"]["ContentSnapshotId"]) == (first, first)
    assert again.status_code == 200
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    assert api.send("POST", address, {"snapshot_id": "0" * 64}).status_code == 404
