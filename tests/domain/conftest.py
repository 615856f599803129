"""What tests of files and logs share: kinds of store (a folder, memory, S3 where it is installed), short ways to fill a log."""

import pytest
from django.core.files.storage import default_storage

from runs import logs

LOG = "user_logs/std_log.txt"


@pytest.fixture
def folder(settings, tmp_path):
    """An empty folder as the default storage."""
    default = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path}}
    settings.STORAGES = settings.STORAGES | {"default": default}


@pytest.fixture(params=["folder", "memory", "s3"])
def store(request, settings, folder):
    """Each kind of store in turn as the default storage."""
    if request.param == "s3":
        request.getfixturevalue("s3")
    elif request.param == "memory":
        default = {"BACKEND": "django.core.files.storage.InMemoryStorage"}
        settings.STORAGES = settings.STORAGES | {"default": default}


@pytest.fixture
def s3(settings, folder):
    """A bucket of an S3 service in this process as the default storage."""
    pytest.importorskip("storages", reason="requirements-s3.txt is not installed")
    server = pytest.importorskip("moto.server", reason="moto[s3,server] is not installed")
    boto3 = pytest.importorskip("boto3")
    service = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    service.start()
    host, port = service.get_host_and_port()
    place = {"region_name": "us-east-1", "endpoint_url": f"http://{host}:{port}"}
    account = boto3.resource("s3", aws_access_key_id="test", aws_secret_access_key="test", **place)
    bucket = account.create_bucket(Bucket="studio")
    options = {"bucket_name": bucket.name, "access_key": "test", "secret_key": "test", **place}
    settings.STORAGES = settings.STORAGES | {"default": {"BACKEND": "runs.artifacts.s3.S3Store", "OPTIONS": options}}
    yield
    bucket.objects.all().delete()  # the service keeps its buckets as long as the process lives
    service.stop()


def stored_files(folder: str = "") -> list[str]:
    """The names of all files in the default storage."""
    try:
        folders, files = default_storage.listdir(folder)
    except FileNotFoundError:
        return []
    below = [name for inner in folders if inner for name in stored_files(f"{folder}/{inner}".lstrip("/"))]
    return below + [f"{folder}/{name}".lstrip("/") for name in files]


def append_all(run, text: bytes, *, piece: int = 7, name: str = LOG):
    """The stream after a text was appended in small pieces."""
    for offset in range(0, len(text), piece):
        logs.append(run, name, offset=offset, data=text[offset : offset + piece])
    return logs.find(run, name)


def whole(stream) -> bytes:
    """All that a log says."""
    return b"".join(logs.pieces(stream))


def last_lines(text: bytes, lines: int) -> bytes:
    """What the tail of a log must be."""
    every = [line + b"\n" for line in text.split(b"\n")]
    every[-1] = every[-1][:-1]
    return b"".join([line for line in every if line][-lines:]) if lines else b""
