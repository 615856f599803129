"""Files through MLflow's artifact service: sent, replaced, fetched, listed, deleted, and no path that leads elsewhere."""

import hashlib
import io

import pytest

from runs import artifacts, logged_models
from runs.models import Role
from tests import factories

SERVICE = "/api/2.0/mlflow-artifacts/artifacts"


@pytest.fixture(autouse=True)
def _files_in_a_folder_of_their_own(settings, tmp_path):
    default = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path}}
    settings.STORAGES = settings.STORAGES | {"default": default}


@pytest.fixture
def signed(alice, workspace):
    return {"HTTP_AUTHORIZATION": f"Bearer {factories.make_token(alice)}"}


@pytest.fixture
def ask(client, signed):
    """One request; the path is below the artifact service, or whole."""

    def send(method, path="", body=b"", **extra):
        address = path if path.startswith("/api") else f"{SERVICE}/{path}".rstrip("/")
        extra = signed | extra
        content_type = extra.pop("content_type", "application/octet-stream")
        return client.generic(method, address, body, content_type=content_type, **extra)

    return send


@pytest.fixture
def root(running):
    """The folder of a run's files, as its URI names it."""
    return f"{running.experiment.experiment_id}/{running.run_id}/artifacts"


@pytest.fixture
def model_root(experiment):
    model = logged_models.create(experiment, "forest")
    return f"{experiment.experiment_id}/models/{model.model_id}/artifacts"


def content(reply):
    return b"".join(reply.streaming_content)


def test_a_file_comes_back_as_it_was_sent(ask, root, running):
    sent = ask("PUT", f"{root}/outputs/läuft gut+1.bin", b"\x00\x01weights")
    assert (sent.status_code, sent.json()) == (200, {})

    reply = ask("GET", f"{root}/outputs/läuft gut+1.bin", headers={"accept": "text/html"})

    assert content(reply) == b"\x00\x01weights"
    assert reply["Content-Type"] == "application/octet-stream"
    assert reply["Content-Length"] == "9"
    assert reply["Content-Disposition"].startswith("attachment;")
    assert reply["X-Content-Type-Options"] == "nosniff"
    assert artifacts.find(running, "outputs/läuft gut+1.bin").sha256 == hashlib.sha256(b"\x00\x01weights").hexdigest()


@pytest.mark.parametrize("name", ["MLmodel", "train.py", "conda.yaml", "a.log", "data.json", "page.md"])
def test_texts_are_answered_as_plain_text(ask, root, name):
    ask("PUT", f"{root}/{name}", b"text")

    assert ask("GET", f"{root}/{name}")["Content-Type"].startswith("text/plain")


def test_a_file_that_comes_again_replaces_the_first(ask, root):
    ask("PUT", f"{root}/a.txt", b"first, and longer")
    ask("PUT", f"{root}/a.txt", b"second")

    assert content(ask("GET", f"{root}/a.txt")) == b"second"


def chunked(data):
    return {
        "HTTP_TRANSFER_ENCODING": "chunked",
        "wsgi.input_terminated": True,
        "wsgi.input": io.BytesIO(data),
        "CONTENT_LENGTH": str(2**62),
    }


def test_an_empty_file_comes_in_no_chunk_at_all(ask, root, running):
    reply = ask("PUT", f"{root}/empty.txt", **chunked(b""))

    assert reply.status_code == 200
    assert artifacts.find(running, "empty.txt").size_bytes == 0
    assert content(ask("GET", f"{root}/empty.txt")) == b""


def test_chunks_of_which_nobody_can_say_whether_they_are_all_are_refused(ask, root, running):
    ask("PUT", f"{root}/a.bin", b"whole")

    reply = ask("PUT", f"{root}/a.bin", **chunked(b"who"))

    assert reply.status_code == 400
    assert "X-Content-SHA256" in reply.json()["message"]
    assert artifacts.find(running, "a.bin").size_bytes == 5


def test_chunks_with_their_digest_are_taken(ask, root, running):
    digest = hashlib.sha256(b"whole").hexdigest()

    right = ask("PUT", f"{root}/a.bin", HTTP_X_CONTENT_SHA256=digest, **chunked(b"whole"))
    cut = ask("PUT", f"{root}/b.bin", HTTP_X_CONTENT_SHA256=digest, **chunked(b"who"))

    assert (right.status_code, cut.status_code) == (200, 400)
    assert [one.path for one in artifacts.listing(running)] == ["a.bin"]


def test_an_upload_that_was_cut_leaves_what_was_there(ask, root, running):
    ask("PUT", f"{root}/a.bin", b"whole")

    reply = ask("PUT", f"{root}/a.bin", **{"wsgi.input": io.BytesIO(b"new"), "CONTENT_LENGTH": "300"})

    assert reply.status_code == 400
    assert content(ask("GET", f"{root}/a.bin")) == b"whole"


def test_a_stretch_of_a_file(ask, root):
    ask("PUT", f"{root}/a.bin", b"0123456789")

    reply = ask("GET", f"{root}/a.bin", HTTP_RANGE="bytes=2-4")
    assert (reply.status_code, content(reply), reply["Content-Range"]) == (206, b"234", "bytes 2-4/10")
    assert content(ask("GET", f"{root}/a.bin", HTTP_RANGE="bytes=-3")) == b"789"
    assert ask("GET", f"{root}/a.bin", HTTP_RANGE="bytes=10-").status_code == 416


def test_what_is_not_there_is_404_and_a_folder_is_400(ask, root):
    ask("PUT", f"{root}/folder/a.txt", b"x")

    missing, folder, above = ask("GET", f"{root}/b.txt"), ask("GET", f"{root}/folder"), ask("GET", root)

    assert (missing.status_code, missing.json()["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")
    assert (folder.status_code, folder.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert above.status_code == 400


@pytest.mark.parametrize(
    "path",
    [
        "../secret",
        "a/../../secret",
        "%252e%252e/secret",
        "a/%252e%252e%252f%252e%252e%252fsecret",
        "%25252e%25252e%25252fsecret",
        "/etc/passwd",
        "%2Fetc%2Fpasswd",
        "%252Fetc%252Fpasswd",
        "..%5Csecret",
        "a%5Cb",
        "%255c%255chost",
        "C:/secret",
        "a//b",
        "./a",
        "a%0Ab",
        "a%23b",
    ],
)
@pytest.mark.parametrize("method", ["PUT", "GET", "DELETE"])
def test_a_path_that_leads_elsewhere_is_refused(client, signed, root, method, path):
    # The client of Django quotes what it is given; these come as they are written.
    for place in (path, f"{root}/{path}"):
        if place == f"{root}/C:/secret":
            continue  # below a folder it is a name like any other
        reply = client.generic(method, f"{SERVICE}/{place}", b"x", **signed)

        assert reply.status_code == 400, (place, reply.content)
        assert reply.json()["error_code"] == "INVALID_PARAMETER_VALUE"
        assert reply.json()["message"].startswith("Invalid path")


@pytest.mark.parametrize("path", ["../x", "/etc", "a\\b", "%2e%2e/x", "%252e%252e/x", "a/../b", "a#b"])
def test_lists_refuse_such_paths_too(client, signed, running, path):
    asked = {"run_id": running.run_id, "path": path}

    for address in ("/api/2.0/mlflow/artifacts/list", SERVICE):
        reply = client.get(address, asked, **signed)
        assert (reply.status_code, reply.json()["message"][:12]) == (400, "Invalid path")


def test_a_model_has_files_of_its_own(ask, model_root, root):
    ask("PUT", f"{model_root}/MLmodel", b"flavors: {}")

    assert content(ask("GET", f"{model_root}/MLmodel")) == b"flavors: {}"
    assert ask("GET", f"{root}/MLmodel").status_code == 404


def test_lists_give_one_level_by_base_name(ask, client, signed, root, running):
    for path in ("a.txt", "b/c.txt", "b/d/e.txt"):
        ask("PUT", f"{root}/{path}", b"12345")

    def listed(path):
        return client.get(SERVICE, {"path": path}, **signed).json()

    assert listed(root) == {
        "files": [{"path": "a.txt", "is_dir": False, "file_size": 5}, {"path": "b", "is_dir": True}]
    }
    assert listed(f"{root}/b/") == {
        "files": [{"path": "c.txt", "is_dir": False, "file_size": 5}, {"path": "d", "is_dir": True}]
    }
    assert listed(f"{root}/nothing") == {}
    assert listed(f"{root}/a.txt") == {}
    assert listed("no-such-experiment/x/artifacts") == {}


def test_a_run_lists_its_files_by_their_whole_paths(ask, client, signed, root, running):
    ask("PUT", f"{root}/b/c.txt", b"12345")

    asked = {"run_uuid": running.run_id, "path": "b"}
    reply = client.get("/api/2.0/mlflow/artifacts/list", asked, **signed).json()

    assert reply == {
        "root_uri": f"mlflow-artifacts:/{root}",
        "files": [{"path": "b/c.txt", "is_dir": False, "file_size": 5}],
    }


def test_above_the_files_there_seem_to_be_folders(ask, client, signed, root, model_root, running):
    ask("PUT", f"{root}/a.txt", b"x")
    experiment = running.experiment.experiment_id

    def names(path):
        return [file["path"] for file in client.get(SERVICE, {"path": path}, **signed).json()["files"]]

    assert experiment in names("")
    assert names(experiment) == ["models", running.run_id]
    assert names(f"{experiment}/models") == [model_root.split("/")[2]]
    assert names(f"{experiment}/{running.run_id}") == ["artifacts"]


def test_deleting_a_file_a_folder_or_nothing_answers_the_same(ask, root, running):
    for path in ("a.txt", "b/c.txt", "b/d/e.txt", "bb.txt"):
        ask("PUT", f"{root}/{path}", b"x")

    replies = [ask("DELETE", f"{root}/{path}") for path in ("a.txt", "b", "nothing", "b")]
    replies.append(ask("DELETE", "no-such-experiment/x/artifacts/y"))

    assert [(reply.status_code, reply.json()) for reply in replies] == [(200, {})] * 5
    assert [one.path for one in artifacts.listing(running)] == ["bb.txt"]


def test_a_whole_experiment_is_not_deleted_by_its_files(ask, root, running):
    ask("PUT", f"{root}/a.txt", b"x")

    assert ask("DELETE", running.experiment.experiment_id).status_code == 400
    assert running.artifacts.count() == 1


def test_a_run_of_another_experiment_or_workspace_is_not_found(ask, workspace, running, charlie):
    other = factories.make_experiment(workspace, "other")
    wrong = f"{other.experiment_id}/{running.run_id}/artifacts/a.txt"
    elsewhere = factories.make_run(factories.make_experiment(charlie.memberships.get().workspace, "far"), by=charlie)
    far = f"{elsewhere.experiment.experiment_id}/{elsewhere.run_id}/artifacts/a.txt"

    assert [ask("PUT", path, b"x").status_code for path in (wrong, far)] == [404, 404]
    assert [ask("GET", path).status_code for path in (wrong, far)] == [404, 404]


def test_who_may_read_alone_cannot_write(client, workspace, root):
    rita = factories.make_member(workspace, "rita", Role.READER)
    signed = {"HTTP_AUTHORIZATION": f"Bearer {factories.make_token(rita)}"}

    assert client.generic("PUT", f"{SERVICE}/{root}/a.txt", b"x", **signed).status_code == 403
    assert client.generic("DELETE", f"{SERVICE}/{root}/a.txt", **signed).status_code == 403
    assert client.get(SERVICE, {"path": root}, **signed).status_code == 200


def test_files_are_never_sent_in_parts(client, signed, root):
    for method, path in (
        ("POST", f"/api/2.0/mlflow-artifacts/mpu/create/{root}/a.bin"),
        ("GET", f"/api/2.0/mlflow-artifacts/presigned/{root}/a.bin"),
    ):
        reply = client.generic(method, path, **signed)
        assert (reply.status_code, reply.json()["error_code"]) == (501, "NOT_IMPLEMENTED")


def test_the_pages_own_ways_to_a_file(client, signed, running, root):
    sent = client.generic(
        "POST", f"/ajax-api/2.0/mlflow/upload-artifact?run_uuid={running.run_id}&path=notes/a.txt", b"text", **signed
    )
    got = client.get("/get-artifact", {"run_uuid": running.run_id, "path": "notes/a.txt"}, **signed)

    assert sent.status_code == 200
    assert content(got) == b"text"
