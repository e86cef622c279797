"""Settings, driven by the environment and safe by default. `.env.example` lists every variable.

No logic beyond reading values, and no import from the apps.
"""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import environ
import pghistory
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from psycopg.conninfo import conninfo_to_dict

from portal.patience import BoundedConnection

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

MODE = env("PORTAL_MODE", default="development")
if MODE not in {"development", "production", "test"}:
    raise ImproperlyConfigured("PORTAL_MODE is development, production or test")
PRODUCTION = MODE == "production"
PROCESS = env("PORTAL_PROCESS", default="command")
DATA_DIR = Path(env("PORTAL_DATA", default=str(BASE_DIR / "var")))
VERSION = "0.1.0"


class Withheld(str):
    """A secret: `diffsettings`, error pages and logs that show its repr do not show it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'[withheld]'"


def _secret(name: str) -> str:
    value = env(name, default="")
    if len(value) < 50 or value.startswith("django-insecure"):
        raise ImproperlyConfigured(
            f"{name} is missing or weak: set it to at least 50 random characters "
            "(./run makes one for you and keeps it in PORTAL_DATA/secrets.env)"
        )
    return Withheld(value)


SECRET_KEY = _secret("SECRET_KEY")
JWT_SIGNING_KEY = _secret("JWT_SIGNING_KEY")
if SECRET_KEY == JWT_SIGNING_KEY:
    raise ImproperlyConfigured("SECRET_KEY and JWT_SIGNING_KEY must differ")
# Keys of personal data (docs/security/keys.md). Without them the portal starts: everything but
# personal data is served, and those are refused with 503 key_missing.
IDENTITY_KEYS = Withheld(env("IDENTITY_KEYS", default=""))
IDENTITY_INDEX_KEY = Withheld(env("IDENTITY_INDEX_KEY", default=""))

DEBUG = False
ALLOWED_HOSTS = env.list(
    "PORTAL_ALLOWED_HOSTS", default=[] if PRODUCTION else ["localhost", "127.0.0.1", "[::1]"]
)
ALLOWED_ORIGINS = env.list("PORTAL_ALLOWED_ORIGINS", default=[])
CSRF_TRUSTED_ORIGINS = [origin for origin in ALLOWED_ORIGINS if origin.startswith("https://")]
# Origins whose pages may call the API with a token; none unless named.
CORS_ORIGINS = frozenset(env.list("PORTAL_CORS_ORIGINS", default=[]))
# Hosts, addresses and networks that the portal may call although they are not public.
OUTBOUND_ALLOW = env.list("PORTAL_OUTBOUND_ALLOW", default=[])
# How many proxies stand in front: the client's address is taken that many hops from the right.
TRUSTED_PROXIES = env.int("PORTAL_TRUSTED_PROXIES", default=0)
METRICS_TOKEN = Withheld(env("PORTAL_METRICS_TOKEN", default=""))
# --- e-mail and web push -------------------------------------------------------------------------

# smtp+tls://user:password@host:587 and the like. Without one, development writes mails as files.
MAIL_URL = Withheld(env("PORTAL_MAIL_URL", default=""))
MAIL_IS_NAMED = bool(MAIL_URL) or not PRODUCTION
MAIL = env.email_url_config(MAIL_URL) if MAIL_URL else {}
EMAIL_BACKEND = MAIL.get("EMAIL_BACKEND", "django.core.mail.backends.filebased.EmailBackend")
EMAIL_FILE_PATH = MAIL.get("EMAIL_FILE_PATH") or str(DATA_DIR / "mail")
EMAIL_HOST = MAIL.get("EMAIL_HOST") or "localhost"
EMAIL_PORT = MAIL.get("EMAIL_PORT") or 25
EMAIL_HOST_USER = MAIL.get("EMAIL_HOST_USER") or ""
EMAIL_HOST_PASSWORD = Withheld(MAIL.get("EMAIL_HOST_PASSWORD") or "")
EMAIL_USE_TLS = MAIL.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL = MAIL.get("EMAIL_USE_SSL", False)
EMAIL_TIMEOUT = 10  # of connecting, and of each answer
DEFAULT_FROM_EMAIL = env("PORTAL_MAIL_FROM", default="portal@localhost")
SERVER_EMAIL = DEFAULT_FROM_EMAIL
# By which push services know us (RFC 8292): 32 bytes in base64url, and where to find somebody.
VAPID_KEY = Withheld(env("PORTAL_VAPID_KEY", default=""))
PUSH_CONTACT = env("PORTAL_PUSH_CONTACT", default=f"mailto:{DEFAULT_FROM_EMAIL}")
# Files that get the head of each audit seal; PORTAL_DATA/witness/seals.jsonl when none is named.
AUDIT_WITNESSES = env.list("PORTAL_AUDIT_WITNESSES", default=[])

INSTALLED_APPS = [
    "django.contrib.admin.apps.SimpleAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "pgtrigger",
    "pghistory",
    "guardian",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "csp",
    "django_structlog",
    "portal.core",
    "portal.accounts",
    "portal.audit",
    "portal.outbox",
    "portal.access",
    "portal.api",
    "portal.live",
    "portal.desk",
    "portal.ops",
    "portal.notices",
    "portal.documents",
    "trials",
    "patients",
    "events",
    "portal.exchange",
    "portal.demo",
]

MIDDLEWARE = [
    "portal.ops.middleware.RequestContextMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "portal.ops.middleware.SecurityHeadersMiddleware",
    # Below those two: what is drawn, and what of it runs, is bound by the same headers.
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "portal.api.middleware.ProblemMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "portal.api.middleware.DeskSessionMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

# Where people reach the portal: links in mails begin with it; empty, they are relative.
PUBLIC_URL = env("PORTAL_PUBLIC_URL", default="").rstrip("/")

ROOT_URLCONF = "portal.urls"
ASGI_APPLICATION = "portal.asgi.application"
APPEND_SLASH = False

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# --- databases --------------------------------------------------------------------------------
# Two roles (ADR 0004): migrations run as the owner, everything else as the application.

DATABASE_SCHEMAS = ("public", "identity", "audit", "allocation")
UNBLINDED_ROLE = env("PORTAL_UNBLINDED_ROLE", default="portal_unblinded")
# Addresses of servers may carry a password.
DATABASE_URL = Withheld(env("DATABASE_URL", default=""))
DATABASE_OWNER_URL = Withheld(env("DATABASE_OWNER_URL", default=""))
# Logs in with connections that the server keeps back, and acts as DATABASE_URL's role (ADR 0013).
DATABASE_SAFETY_URL = Withheld(env("DATABASE_SAFETY_URL", default=""))
_AS_OWNER = env("PORTAL_DB_ROLE", default="application") == "owner"
if not DATABASE_URL:
    raise ImproperlyConfigured("DATABASE_URL is missing: start the portal with ./run, or set it")

APPLICATION_ROLE = str(conninfo_to_dict(DATABASE_URL).get("user", ""))
DB_POOL = env.int("PORTAL_DB_POOL", default=12)
DB_SAFETY_POOL = env.int("PORTAL_DB_SAFETY_POOL", default=4)
_TIMEOUTS = {"web": "8s", "worker": "5min"}.get(PROCESS, "0")
# Who waits for a lock of a migration's kind holds up all who come after: less than half as long as
# an upload waits, so that the step itself and its commit have the rest.
# What the web cannot have soon it answers by 503, so that requests do not pile up behind a lock.
_LOCK_TIMEOUT = "200ms" if _AS_OWNER else "500ms" if PROCESS == "web" else "5s"
# A serious event is worth a longer wait behind who tells the same people of another one.
_SAFETY_LOCK_TIMEOUT = "3s" if PROCESS == "web" else _LOCK_TIMEOUT


def _pool(size: int, seconds: float) -> dict[str, Any]:
    return {
        "min_size": min(2, size),
        "max_size": size,
        "timeout": seconds,
        # When a server that refused is asked once more; then by whoever needs a connection next.
        # Less than anybody waits for one: who comes when the server is back is served.
        "reconnect_timeout": 0.5,
        "connection_class": BoundedConnection,
    }


def _database(
    url: str, pool: dict[str, Any], *, lock_timeout: str = _LOCK_TIMEOUT
) -> dict[str, Any]:
    parts: dict[str, Any] = dict(conninfo_to_dict(url))
    acts_as = f" -c role={APPLICATION_ROLE}" if url == DATABASE_SAFETY_URL else ""
    options: dict[str, Any] = {
        "connect_timeout": 3,
        "tcp_user_timeout": 5000,
        "keepalives_idle": 10,
        "application_name": f"portal-{PROCESS}",
        "options": (
            f"-c search_path={','.join(DATABASE_SCHEMAS)} -c timezone=UTC "
            f"-c statement_timeout={_TIMEOUTS} -c lock_timeout={lock_timeout} "
            f"-c idle_in_transaction_session_timeout=60s{acts_as}"
        ),
    }
    known = {"dbname", "user", "password", "host", "port"}
    options.update({key: Withheld(value) for key, value in parts.items() if key not in known})
    if PROCESS == "web":
        options["pool"] = pool
    return {
        "ENGINE": "portal.core.postgresql",
        "NAME": parts.get("dbname", ""),
        "USER": parts.get("user", ""),
        "PASSWORD": Withheld(parts.get("password", "")),
        "HOST": parts.get("host", ""),
        "PORT": parts.get("port", ""),
        # The live relay asks for every update: a connection each time would be half its delay.
        "CONN_MAX_AGE": 600 if PROCESS in ("worker", "live") else 0,
        # The pool looks at a connection before it lends it: one that died is replaced unseen.
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": options,
    }


# What must not wait: safety reports, and the programs that bring them to somebody. They are few.
SAFETY_DATABASE = _database(
    DATABASE_SAFETY_URL or DATABASE_URL,
    _pool(DB_SAFETY_POOL, 3.0),
    lock_timeout=_SAFETY_LOCK_TIMEOUT,
)
if _AS_OWNER:
    DATABASES = {"default": _database(DATABASE_OWNER_URL or DATABASE_URL, {})}
elif PROCESS in {"relay", "worker", "live", "watcher"}:
    DATABASES = {"default": SAFETY_DATABASE}
else:
    DATABASES = {"default": _database(DATABASE_URL, _pool(DB_POOL, 1.5))}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- history (ADR 0003) -----------------------------------------------------------------------

PGHISTORY_FOREIGN_KEY_FIELD = pghistory.ForeignKey(db_index=False)
PGHISTORY_EXCLUDE_FIELD_KWARGS = {
    "django.db.models.Field": ["choices", "validators", "help_text", "db_default", "db_comment"]
}
PGTRIGGER_INSTALL_ON_MIGRATE = False

# --- people -----------------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["portal.accounts.backends.PortalBackend"]
ANONYMOUS_USER_NAME = None
GUARDIAN_MONKEY_PATCH_USER = False
GUARDIAN_RAISE_403 = False
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("username", "display_name", "email", "organization")},
    },
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "/admin/login/"
LOGIN_REDIRECT_URL = "/admin/"
SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_AGE = 15 * 60
SESSION_SAVE_EVERY_REQUEST = True
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Strict"
CSRF_COOKIE_SAMESITE = "Strict"
ACCESS_TOKEN_LIFETIME = timedelta(minutes=env.int("PORTAL_ACCESS_TOKEN_MINUTES", default=10))
REFRESH_TOKEN_LIFETIME = timedelta(hours=env.int("PORTAL_REFRESH_TOKEN_HOURS", default=12))
REFRESH_GRACE = timedelta(seconds=30)
# How long a request can be repeated under its Idempotency-Key.
IDEMPOTENCY_LIFETIME = timedelta(days=env.int("PORTAL_IDEMPOTENCY_DAYS", default=7))

SIMPLE_JWT = {
    "ALGORITHM": env("JWT_ALGORITHM", default="HS256"),
    "SIGNING_KEY": JWT_SIGNING_KEY,
    "VERIFYING_KEY": env("JWT_VERIFYING_KEY", default=""),
    "AUDIENCE": env("JWT_AUDIENCE", default="clinical-portal"),
    "ISSUER": env("JWT_ISSUER", default=f"clinical-portal-{MODE}"),
    "ACCESS_TOKEN_LIFETIME": ACCESS_TOKEN_LIFETIME,
    "REFRESH_TOKEN_LIFETIME": REFRESH_TOKEN_LIFETIME,
    "LEEWAY": 5,
    "USER_ID_CLAIM": "sub",
    "UPDATE_LAST_LOGIN": False,
    "TOKEN_TYPE_CLAIM": "token_type",
}

# --- transport --------------------------------------------------------------------------------

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SECURE_SSL_REDIRECT = PRODUCTION
SECURE_REDIRECT_EXEMPT = [r"^api/", r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_HSTS_SECONDS = 31_536_000 if PRODUCTION else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = PRODUCTION
SECURE_HSTS_PRELOAD = PRODUCTION
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
SESSION_COOKIE_SECURE = PRODUCTION
CSRF_COOKIE_SECURE = PRODUCTION
if PRODUCTION:
    SESSION_COOKIE_NAME = "__Host-session"
    CSRF_COOKIE_NAME = "__Host-csrf"

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "connect-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_621_440
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000
# Where uploads are served: inside the server's HTTP protocol, or as an ASGI application (ADR 0011).
HTTP_MODE = env("PORTAL_HTTP", default="hot")
if HTTP_MODE not in {"hot", "asgi"}:
    raise ImproperlyConfigured("PORTAL_HTTP is hot or asgi")
# A study that is imported: the file as it is sent, and what it may hold when unpacked.
IMPORT_MAX_BYTES = env.int("PORTAL_IMPORT_MAX_MB", default=512) * 2**20
IMPORT_UNPACKED_MAX_BYTES = env.int("PORTAL_IMPORT_UNPACKED_MAX_MB", default=4096) * 2**20
INTAKE_REQUESTS_PER_MINUTE = env.int("PORTAL_INTAKE_REQUESTS_PER_MINUTE", default=600)

# --- static files -----------------------------------------------------------------------------

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "portal" / "static"]
STATIC_ROOT = DATA_DIR / "static"
WHITENOISE_USE_FINDERS = not PRODUCTION
WHITENOISE_AUTOREFRESH = False
# Names that carry their hash: Django's, and those of the workbench's build.
WHITENOISE_IMMUTABLE_FILE_TEST = (
    r"\.[0-9a-f]{12}\.[a-z0-9]+$|^/static/workbench/assets/[^/]+-[\w-]{8}\.\w+$"
)
if PRODUCTION:
    STORAGES = {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
    }

# --- language and time ------------------------------------------------------------------------

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
FORMAT_MODULE_PATH = ["portal.formats"]
TIME_ZONE = "UTC"

# --- Valkey and Celery: hints only, nothing is lost with them -----------------------------------

REDIS_URL = Withheld(env("REDIS_URL", default="redis://127.0.0.1:6379/0"))
CELERY_BROKER_URL = Withheld(
    REDIS_URL.replace("unix://", "redis+socket://").replace("?db=", "?virtual_host=")
    if REDIS_URL.startswith("unix://")
    else REDIS_URL
)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 3600,
    "socket_timeout": 2,
    "socket_connect_timeout": 2,
    "socket_keepalive": True,
    "health_check_interval": 10,
}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_TIME_LIMIT = 300
CELERY_TASK_SOFT_TIME_LIMIT = 270
# The whole trail is read; under the visibility timeout, so that no other worker takes it up too.
CELERY_TASK_ANNOTATIONS = {
    "portal.audit.tasks.verify_audit": {"time_limit": 3300, "soft_time_limit": 3000}
}
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_DB_REUSE_MAX = 10_000  # a worker keeps its connection, and looks at it before each task
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = "json"
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"

# The layer carries what every process sends to its own sockets; it keeps nothing.
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "portal.live.layer.LiveLayer",
        "CONFIG": {"hosts": [{"address": REDIS_URL, "socket_timeout": None}], "prefix": "live"},
    }
}
LIVE_SOCKETS_PER_USER = env.int("PORTAL_LIVE_SOCKETS_PER_USER", default=20)
LIVE_SOCKETS_PER_ADDRESS = env.int("PORTAL_LIVE_SOCKETS_PER_ADDRESS", default=2000)

# --- REST framework -----------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["portal.api.authentication.BearerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["portal.api.permissions.DenyUndeclared"],
    "DEFAULT_PARSER_CLASSES": ["portal.api.parsers.GuardedJSONParser"],
    "DEFAULT_RENDERER_CLASSES": [
        "portal.api.renderers.JSONRenderer",
        "portal.api.renderers.EnvelopeRenderer",
    ],
    "DEFAULT_PAGINATION_CLASS": "portal.api.pagination.KeysetPagination",
    "DEFAULT_FILTER_BACKENDS": ["portal.api.filters.StrictFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "portal.api.schema.PortalSchema",
    "DEFAULT_VERSIONING_CLASS": None,
    "EXCEPTION_HANDLER": "portal.api.errors.exception_handler",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "URL_FORMAT_OVERRIDE": None,
    "COERCE_DECIMAL_TO_STRING": False,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Clinical research portal",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PUBLIC": True,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_ADD_EXPLICIT_BLANK_NULL_CHOICE": False,
    "ENUM_NAME_OVERRIDES": {
        "TrialStatus": "trials.vocabulary.TrialStatus",
        "SiteStatus": "trials.vocabulary.SiteStatus",
        "YesNoUnknown": "patients.vocabulary.YesNoUnknown",
        "ReadingStatus": "patients.vocabulary.ReadingStatus",
        "FindingSeverity": "patients.vocabulary.FindingSeverity",
        "FindingState": "patients.vocabulary.FindingState",
        "RuleKind": "patients.vocabulary.RuleKind",
        "FlagKind": "patients.vocabulary.FlagKind",
        "AlertState": "patients.vocabulary.AlertState",
        "RuleState": "patients.vocabulary.RuleState",
        "DryRunState": "patients.vocabulary.DryRunState",
        "VitalCode": "patients.vocabulary.VitalCode",
        "NumericVitalCode": "patients.rules.vital_table.NUMERIC_CODES",
        "ScoreEligibility": "patients.vocabulary.ScoreEligibility",
        "ReportState": "portal.documents.vocabulary.ReportState",
        "ReportStatus": "patients.vocabulary.ReportStatus",
        "EventIntensity": "events.vocabulary.INTENSITIES",
        "EventOutcome": "events.vocabulary.Outcome",
        "SendingOutcome": "portal.notices.channels.base.Outcome",
        "NoticeKind": "portal.notices.kinds.KIND_CHOICES",
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "portal.api.schema.declare_problems",
    ],
}

# --- logs ---------------------------------------------------------------------------------------

LOGGING_CONFIG = "portal.ops.logs.configure"
LOGGING: dict[str, Any] = {"level": env("PORTAL_LOG_LEVEL", default="INFO")}
DJANGO_STRUCTLOG_CELERY_ENABLED = True

# A user name is unique whatever its case, by an index that the check does not know; guardian holds
# an index of rights and answers no question by itself.
SILENCED_SYSTEM_CHECKS: list[str] = ["auth.W004", "guardian.W001"]
TESTING = MODE == "test" or "PYTEST_CURRENT_TEST" in os.environ
