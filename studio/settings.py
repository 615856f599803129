"""
Every setting once, for every environment. With nothing set: SQLite, artifacts, a generated key and outgoing mail in one
data folder, on loopback. `docs/settings.md` explains each variable; a test compares the two.
"""

import secrets
from pathlib import Path

from django.utils.csp import CSP

from studio import env

BASE_DIR = Path(__file__).resolve().parent.parent
STUDIO_VERSION = "0.1.0"

DEBUG = env.flag("STUDIO_DEBUG", False)
STUDIO_DATA_DIR = env.folder("STUDIO_DATA_DIR", BASE_DIR / "data")
STUDIO_ARTIFACTS_DIR = env.folder("STUDIO_ARTIFACTS_DIR", STUDIO_DATA_DIR / "artifacts")


def _secret_key() -> str:
    key = env.text("STUDIO_SECRET_KEY")
    if key:
        return key
    file = STUDIO_DATA_DIR / "secret_key"
    if not file.exists():
        try:
            with open(file, "x", encoding="ascii", opener=_private) as out:
                out.write(secrets.token_urlsafe(50))
        except FileExistsError:
            pass  # another part of the studio starts at the same moment, and was first
    return file.read_text(encoding="ascii").strip()


def _private(path: str, flags: int) -> int:
    import os  # only the opener needs it

    return os.open(path, flags, 0o600)


SECRET_KEY = _secret_key()

# The address people type. Behind a proxy: its name, and the origin with which browsers post.
ALLOWED_HOSTS = env.words("STUDIO_ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"])
STUDIO_URL = env.text("STUDIO_URL", "http://127.0.0.1:8000").rstrip("/")
CSRF_TRUSTED_ORIGINS = env.words("STUDIO_TRUSTED_ORIGINS", [])
STUDIO_BEHIND_PROXY = env.flag("STUDIO_BEHIND_PROXY", False)
if STUDIO_BEHIND_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    USE_X_FORWARDED_HOST = True
STUDIO_HTTPS = env.flag("STUDIO_HTTPS", STUDIO_URL.startswith("https://"))
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = STUDIO_HTTPS
SESSION_COOKIE_AGE = 60 * 60 * 24 * 30
CSRF_FAILURE_VIEW = "runs.web.errors.csrf_failure"
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

DATABASES = {
    "default": env.database(
        "DATABASE_URL",
        file=STUDIO_DATA_DIR / "studio.db",
        is_durable=env.flag("STUDIO_SQLITE_DURABLE", False),
    )
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "rest_framework",
    "django_filters",
    "django_htmx",
    "drf_spectacular",
    "runs",
]

MIDDLEWARE = [
    "runs.mlflow.door.Door",  # first: scripts that log need nothing of what follows
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "runs.web.page.PartMiddleware",
    "runs.web.errors.DomainErrorMiddleware",
]

ROOT_URLCONF = "studio.urls"
WSGI_APPLICATION = "studio.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.csp",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "runs.web.page.frame",
            ],
            "builtins": ["runs.web.words", "runs.web.cells"],
        },
    },
]

# Nothing from elsewhere, no inline script or style; the import map alone carries the nonce.
SECURE_CSP = {
    "default-src": [CSP.SELF],
    "script-src": [CSP.SELF, CSP.NONCE],
    "style-src": [CSP.SELF],
    "img-src": [CSP.SELF, "data:"],
    "object-src": [CSP.NONE],
    "base-uri": [CSP.NONE],
    "frame-ancestors": [CSP.NONE],
    "form-action": [CSP.SELF],
}

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "home"

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English")]
USE_I18N = True
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = STUDIO_DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
# Artifacts and snapshots: a folder, or a bucket of any S3 service when one is named.
STUDIO_S3_BUCKET = env.text("STUDIO_S3_BUCKET")
_FOLDER_STORE = {
    "BACKEND": "django.core.files.storage.FileSystemStorage",
    "OPTIONS": {"location": STUDIO_ARTIFACTS_DIR, "file_permissions_mode": 0o600},
}
_S3_STORE = {
    "BACKEND": "runs.artifacts.s3.S3Store",
    "OPTIONS": {
        "bucket_name": STUDIO_S3_BUCKET,
        "endpoint_url": env.text("STUDIO_S3_ENDPOINT") or None,
        "region_name": env.text("STUDIO_S3_REGION") or None,
        "access_key": env.text("STUDIO_S3_ACCESS_KEY") or None,
        "secret_key": env.text("STUDIO_S3_SECRET_KEY") or None,
    },
}
STORAGES = {
    "default": _S3_STORE if STUDIO_S3_BUCKET else _FOLDER_STORE,
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
# Large bodies are streamed by the views that take them; what Django reads into memory stays small.
DATA_UPLOAD_MAX_MEMORY_SIZE = 32 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "runs.api.authentication.TokenAuthentication",
        "runs.api.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["runs.api.authentication.HasScope"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["runs.api.parsing.JsonParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "runs.api.parsing.Negotiation",
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "runs.api.schema.Schema",
    "EXCEPTION_HANDLER": "runs.api.errors.answer",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Run Studio",
    "VERSION": "1",
    "DESCRIPTION": "Start, monitor, find, describe, compare and cancel training runs.",
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": "/api/v1",
}

# The first start. A preset token makes containers and tests reproducible.
STUDIO_OWNER = env.text("STUDIO_OWNER", "owner")
STUDIO_OWNER_TOKEN = env.text("STUDIO_OWNER_TOKEN")

# How long silence may last, in seconds, before a run is called NotResponding.
STUDIO_HEARTBEAT_TIMEOUT_S = env.number("STUDIO_HEARTBEAT_TIMEOUT_S", 60, least=5)
# How often the worker looks for lost heartbeats and points to fold, in seconds.
STUDIO_WORKER_PAUSE_S = env.number("STUDIO_WORKER_PAUSE_S", 5, least=1)

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": env.text("STUDIO_LOG_LEVEL", "WARNING")},
    "loggers": {"runs": {"level": env.text("STUDIO_LOG_LEVEL", "INFO")}},
}
