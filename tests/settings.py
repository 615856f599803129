"""
The studio's settings, for tests: a data folder of their own that ends with them, quick passwords, and nothing from
outside but DATABASE_URL, by which the same tests run on PostgreSQL.
"""

import atexit
import os
import shutil
import tempfile

for name in [name for name in os.environ if name.startswith(("STUDIO_", "RUNSTUDIO_", "AZUREML_"))]:
    del os.environ[name]
_folder = tempfile.mkdtemp(prefix="studio-tests-")
atexit.register(shutil.rmtree, _folder, ignore_errors=True)
os.environ["STUDIO_DATA_DIR"] = _folder
os.environ["RUNSTUDIO_HOME"] = os.path.join(_folder, "home")

from studio.settings import *  # noqa: E402, F403  (after the environment is what it shall be)
from studio.settings import DATABASES, STATIC_ROOT, STORAGES, STUDIO_DATA_DIR  # noqa: E402

STATIC_ROOT.mkdir()  # whitenoise warns when it is missing

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = STORAGES | {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A file, as in life: threads share it, and the write-ahead log is real.
    DATABASES["default"]["TEST"] = {"NAME": str(STUDIO_DATA_DIR / "test.db")}
