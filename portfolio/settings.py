"""Django's settings. Addresses and environment variables are read through `config.environment`.

Importing this module needs no running platform: where an address is missing, the
connection is Django's dummy backend, so that `makemigrations --check`, the type
checker and the unit tests work on a machine where nothing runs.
"""

from __future__ import annotations

import functools
import secrets
from datetime import timedelta
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import django_stubs_ext
from django.utils.functional import lazy
from redis.backoff import NoBackoff
from redis.retry import Retry

from cluster.secrets.cache_connections import RoutedConnection
from config import environment

django_stubs_ext.monkeypatch()  # makes Django's generic classes subscriptable at run time

ROOT: Final = environment.ROOT


# Secrets -----------------------------------------------------------------------------


@functools.cache
def _secret_key() -> str:
    """Return the signing key from Vault (`kv/site`), or a random one where no platform runs."""
    try:
        environment.vault_address()
    except environment.MissingSetting:
        return secrets.token_urlsafe(50)
    # Imported here, since only a running platform has Vault: other tools start faster.
    from cluster.secrets.secret_reader import site_secret_key

    return site_secret_key()


@functools.cache
def _redis_url() -> str:
    from cluster.secrets.addresses import redis_url_with_credentials

    return redis_url_with_credentials()


# Read at first use, not at import: a command that neither signs nor caches needs no Vault.
SECRET_KEY: str = lazy(_secret_key, str)()


# The site ----------------------------------------------------------------------------

DEBUG = False
# Loopback names always. The host names of a proxy in front are set in ALLOWED_HOSTS.
ALLOWED_HOSTS = ["127.0.0.1", "localhost", *environment.allowed_hosts()]

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.contrib.sitemaps",
    "channels",
    "axes",
    # Before the site, which shows their tables in its own way (portfolio/admin.py).
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp_webauthn",
    "portfolio",  # before Django's admin, whose templates it replaces
    "articles",
    "chaos",
    "portfolio.admin_site.apps.OwnersAdminConfig",
    "cluster",
    "cluster.kit",
    "cluster.messaging",
    "cluster.identity",
    "cluster.catalog",
    "cluster.orders",
    "cluster.payments",
    "cluster.checkout",
]
MIDDLEWARE = [
    "cluster.kit.page_cache.PageCacheMiddleware",  # first: it caches the others' output
    "portfolio.edge.tracing.TracingMiddleware",  # its span covers the work of all below
    "django.middleware.gzip.GZipMiddleware",
    "portfolio.edge.headers.SecurityHeadersMiddleware",
    "portfolio.edge.body_limit.BodyLimitMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",  # whether the user has shown a second factor
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",  # last, as its manual asks
]
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
    "django_otp_webauthn.backends.WebAuthnBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]
ROOT_URLCONF = "portfolio.urls"
ASGI_APPLICATION = "portfolio.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
STATIC_URL = "/static/"
STATIC_ROOT = ROOT / "staticfiles"
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    # Hashed names in a process that has gathered the files (config/static_build.py).
    "staticfiles": {"BACKEND": "config.static_storage.NamingStorage"},
}

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False  # one language: no translation is looked up
FORMAT_MODULE_PATH = "portfolio.formats"  # seconds, and the 24-hour clock
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"


# Databases ---------------------------------------------------------------------------


def _database(name: str) -> dict[str, Any]:
    """Return the settings of one database, with leased credentials unless the URL has some."""
    try:
        url = urlsplit(environment.database_url(name))
    except environment.MissingSetting:
        return {"ENGINE": "django.db.backends.dummy"}
    return {
        "ENGINE": "cluster.secrets.django",
        "HOST": url.hostname or "",
        "PORT": str(url.port or ""),
        "NAME": unquote(url.path.lstrip("/")),
        "USER": unquote(url.username or ""),
        "PASSWORD": unquote(url.password or ""),
        # A long-lived connection would outlast a rotation: each request has its own.
        "CONN_MAX_AGE": 0,
        "OPTIONS": {"lease": name, "connect_timeout": 5},
    }


DATABASES = {
    "default": _database("site"),
    **{service: _database(service) for service in environment.SERVICES},
}
DATABASE_ROUTERS = ["cluster.database_router.ServiceRouter"]
SILENCED_SYSTEM_CHECKS = [
    "models.W035",  # two services may have a table `refund`: each has its own database
    "otp_webauthn.E030",  # a passkey's origin is the request's (portfolio/admin_site/passkeys.py)
    "security.W021",  # only the owner of a domain can have browsers preload its HSTS
]


# Redis: the cache. It may be lost at any time: data that must last is in PostgreSQL ------

CACHES = {
    "default": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": lazy(_redis_url, str)(),
        "OPTIONS": {
            "SOCKET_CONNECT_TIMEOUT": 0.5,
            "SOCKET_TIMEOUT": 0.5,
            # redis-py 8 retries by itself, which made fourteen seconds of a one-second timeout.
            "CONNECTION_POOL_KWARGS": {
                "retry": Retry(NoBackoff(), 0),
                "connection_class": RoutedConnection,
            },
            "IGNORE_EXCEPTIONS": True,
        },
    },
}


# Sessions, cookies, requests -----------------------------------------------------------

# A visitor's session is a signed cookie with one random id, a login's is a row.
SESSION_ENGINE = "portfolio.admin_site.sessions"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
# Where a proxy ends TLS (BEHIND_TLS=yes), browsers send cookies by TLS alone, and Django
# trusts X-Forwarded-Proto: the proxy must overwrite it.
BEHIND_TLS = environment.behind_tls()
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = BEHIND_TLS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_TLS else None
# Every other request is redirected, except those of probes and of Prometheus, which stay inside.
SECURE_SSL_REDIRECT = BEHIND_TLS
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if BEHIND_TLS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = BEHIND_TLS
CSRF_FAILURE_VIEW = "portfolio.edge.errors.csrf_failure"
# Large enough for an article of 400 kB, and for a larger one that the form refuses in words.
# portfolio/edge/body_limit.py limits visitors' forms to 64 kB.
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"


# Logging in -----------------------------------------------------------------------------

# Failures count for one name from one address. These counts are in the database, which a restart
# does not clear. Those of an address and of an account are in portfolio/admin_site/login_limits.py.
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
# Behind a proxy, the address that the proxy saw (see cluster/kit/visitors.py).
AXES_CLIENT_IP_CALLABLE = "portfolio.admin_site.login_limits.axes_address"
AXES_LOCKOUT_CALLABLE = "portfolio.admin_site.login_limits.locked_out"
AXES_HTTP_RESPONSE_CODE = 429
AXES_SENSITIVE_PARAMETERS = ["username", "ip_address", "code"]  # not written down, as passwords
AXES_ENABLE_ADMIN = False  # its tables are shown by portfolio/admin.py
AXES_VERBOSE = False  # it would print a line at the start of every command

# The name of the site in an authenticator app, and beside a passkey.
OTP_TOTP_ISSUER = OTP_WEBAUTHN_RP_NAME = "Working timetable"
# The library would double a wait with each wrong code, for the owner too: see login_limits.py.
OTP_TOTP_THROTTLE_FACTOR = 0
OTP_WEBAUTHN_RP_ID_CALLABLE = "portfolio.admin_site.second_factor.relying_party"
OTP_WEBAUTHN_EXCEPTION_LOGGER_NAME = ""  # what a stranger sends is no error of the site
OTP_WEBAUTHN_HELPER_CLASS = "portfolio.admin_site.passkeys.Ceremonies"


# Logging -------------------------------------------------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "chosen": {"()": "config.logs.formatter"},
    },
    "filters": {"refused": {"()": "config.logs.RefusedRequests"}},
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "chosen",
            "filters": ["refused"],
        }
    },
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        # Django's own handlers would mail administrators: all records go to the one stream.
        "django": {"handlers": ["console"], "level": "INFO", "propagate": False},
        # A proxy's log has one line for each answered request: daphne need not repeat it.
        "daphne": {"level": "WARNING"},
    },
}
