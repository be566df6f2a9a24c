"""Settings from the environment: one dataclass, each default visible (SPEC L2)."""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from click import ClickException
from redis.connection import parse_url
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from webapp.errors import CasekeeperError
from webapp.mail_settings import mail_server, public_url, sender

MEGABYTE = 1_000_000
#: In characters.
SHORTEST_SECRET = 16


class BadSetting(CasekeeperError, ClickException):  # type: ignore[misc]  # one `message` for both
    """A setting is missing or cannot be read; the message names it and says what to set.

    Click's too: the application is made before a command runs, and there no one else would turn it
    into a sentence.
    """


@dataclass(frozen=True)
class Settings:
    """All that the environment decides. README lists the names for people."""

    #: CASEKEEPER_DATA: the SQLite file, the Redis files and the attachments live here.
    data: Path = Path("data")
    #: DATABASE_URL: an SQLAlchemy URL; empty means the embedded SQLite file.
    database_url: str = ""
    #: REDIS_URL: empty means the embedded server (or, in a single process, none yet).
    redis_url: str = ""
    #: CASEKEEPER_SECRET: signs sessions and the password cache. An embedded installation makes its
    #: own, in the data folder.
    secret: str = ""
    #: Whether the secret was made just now, and stands nowhere yet: see `keep_secret`.
    secret_is_new: bool = False
    #: HOST, PORT: where `up` listens.
    host: str = "127.0.0.1"
    port: int = 5000
    #: WEB_CONCURRENCY, WEB_THREADS, WORKERS: processes, their threads, RQ workers.
    web_concurrency: int = 2
    web_threads: int = 16
    workers: int = 1
    #: CASEKEEPER_MAX_XML, CASEKEEPER_MAX_REQUEST: bytes of a form's XML and of all of it (SPEC S4).
    max_xml: int = 10 * MEGABYTE
    max_request: int = 50 * MEGABYTE
    #: CASEKEEPER_HTTPS: "1" when people reach it by https, also by a proxy: cookies are Secure on
    #: this machine itself too. Elsewhere they always are.
    https: bool = False
    #: CASEKEEPER_PROXIES: how many proxies in front set X-Forwarded-For, -Proto and -Host (0: none,
    #: and these are not believed).
    proxies: int = 0
    #: CASEKEEPER_DEMO: whether the first `up` makes the demonstration project. Unless set: where
    #: only this machine is served.
    demo: bool | None = None
    #: SESSION_HOURS: a session ends this long after its last use.
    session_hours: int = 12
    #: SMTP_URL: where mails are handed over; empty means that none are sent.
    smtp_url: str = ""
    #: MAIL_FROM: the sender of mails, with or without a name.
    mail_from: str = ""
    #: PUBLIC_URL: the site's address as people type it, for the links in mails.
    public_url: str = ""

    @property
    def embedded(self) -> bool:
        """Whether this is the one-machine set-up that `./run` makes."""
        return not self.database_url

    @property
    def sqlalchemy_url(self) -> str:
        """The database to use, as SQLAlchemy names it."""
        if self.embedded:
            return f"sqlite:///{self.sqlite.resolve()}"
        for scheme in ("postgres://", "postgresql://"):
            if self.database_url.startswith(scheme):
                return "postgresql+psycopg://" + self.database_url.removeprefix(scheme)
        return self.database_url

    @property
    def sqlite(self) -> Path:
        """The database of an embedded installation."""
        return self.data / "casekeeper.sqlite"

    @property
    def attachments(self) -> Path:
        """The folder of the attachments' content."""
        return self.data / "attachments"

    @property
    def exports(self) -> Path:
        """The folder of the files that people exported, for some days."""
        return self.data / "exports"


_NAMES = {
    "CASEKEEPER_DATA": "data",
    "DATABASE_URL": "database_url",
    "REDIS_URL": "redis_url",
    "CASEKEEPER_SECRET": "secret",
    "HOST": "host",
    "PORT": "port",
    "WEB_CONCURRENCY": "web_concurrency",
    "WEB_THREADS": "web_threads",
    "WORKERS": "workers",
    "CASEKEEPER_MAX_XML": "max_xml",
    "CASEKEEPER_MAX_REQUEST": "max_request",
    "CASEKEEPER_HTTPS": "https",
    "CASEKEEPER_PROXIES": "proxies",
    "CASEKEEPER_DEMO": "demo",
    "SESSION_HOURS": "session_hours",
    "SMTP_URL": "smtp_url",
    "MAIL_FROM": "mail_from",
    "PUBLIC_URL": "public_url",
}


#: The least and the most that a number may be; people mean nothing beyond.
_BOUNDS = {
    "PORT": (1, 65_535),
    "WEB_CONCURRENCY": (1, 1_000),
    "WEB_THREADS": (1, 1_000),
    "WORKERS": (1, 1_000),
    "CASEKEEPER_MAX_XML": (1_000, 1_000 * MEGABYTE),
    "CASEKEEPER_MAX_REQUEST": (1_000, 100_000 * MEGABYTE),
    "CASEKEEPER_PROXIES": (0, 100),
    "SESSION_HOURS": (1, 87_600),
}


def settings_from(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings. Raises `BadSetting` with the name of the variable that is wrong."""
    given: dict[str, object] = {}
    for name, key in _NAMES.items():
        text = environment.get(name, "").strip()
        if not text:
            continue
        default = Settings.__dataclass_fields__[key].default
        given[key] = _read(name, text, default)
    settings = Settings(**given)  # type: ignore[arg-type]  # _read gives each field its own type
    _check_addresses(settings)
    _check_mail(settings)
    if settings.max_request < settings.max_xml:
        raise BadSetting(
            f"CASEKEEPER_MAX_REQUEST ({settings.max_request}) must not be less than"
            f" CASEKEEPER_MAX_XML ({settings.max_xml}): the one holds the other."
        )
    if settings.embedded and not settings.secret:
        settings = _with_own_secret(settings)
    return settings


def _check_addresses(settings: Settings) -> None:
    """Raise `BadSetting` for an address that can be none; whether somebody answers there is seen
    later. They may hold passwords, and so are not repeated."""
    if settings.database_url:
        wanted = "DATABASE_URL must look like postgresql://user:password@host/name, or be unset."
        try:
            url = make_url(settings.sqlalchemy_url)
        except (ArgumentError, ValueError):
            raise BadSetting(wanted) from None
        if url.drivername != "postgresql+psycopg":
            raise BadSetting(wanted)
    if settings.redis_url:
        try:
            parse_url(settings.redis_url)  # type: ignore[no-untyped-call]
        except ValueError:
            raise BadSetting(
                "REDIS_URL must look like redis://host:6379/0, rediss://… or unix:///path, or be"
                " unset."
            ) from None


def _check_mail(settings: Settings) -> None:
    """Raise `BadSetting` for what cannot be, and for mails without a sender or an address to link
    to."""
    checks: tuple[tuple[str, str, Callable[[str], object]], ...] = (
        ("SMTP_URL", settings.smtp_url, mail_server),
        ("MAIL_FROM", settings.mail_from, sender),
        ("PUBLIC_URL", settings.public_url, public_url),
    )
    for name, text, check in checks:
        if not text and settings.smtp_url:
            raise BadSetting(f"{name} must be set too, since SMTP_URL is: mails need it.")
        try:
            if text:
                check(text)
        except ValueError as error:
            raise BadSetting(f"{name} {error}") from None


def _with_own_secret(settings: Settings) -> Settings:
    """With the secret of an embedded installation: random, made once, readable by its owner alone.

    Where there is no installation yet nothing is written, for whoever only asks must leave no trace
    in a folder that may be the wrong one.
    """
    file = settings.data / "secret"
    try:
        if not file.exists():
            made = replace(settings, secret=secrets.token_hex(32), secret_is_new=True)
            return keep_secret(made) if settings.sqlite.exists() else made
        secret = file.read_text(errors="replace").strip()
    except OSError as error:
        raise _unusable(settings.data, error) from error
    if len(secret) < SHORTEST_SECRET:
        raise BadSetting(
            f"The secret in {file} is empty or cut short. Delete that file and start again: a new"
            " one is made, and everybody signs in anew."
        )
    return replace(settings, secret=secret)


def want_installation(settings: Settings) -> None:
    """Raise `BadSetting` where an embedded installation was never made: before anything else is,
    for it may be the wrong folder."""
    if settings.embedded and not settings.sqlite.exists():
        raise BadSetting(
            f"There is no database in {settings.data.resolve()} yet. Is CASEKEEPER_DATA right?"
            " Start Casekeeper with ./run, or make one with: flask --app webapp init"
        )


def keep_secret(settings: Settings) -> Settings:
    """Write down a secret that is new, and give the settings with the one that holds: that of
    whoever came first. Others are returned as they are. Raises `BadSetting`."""
    if not settings.secret_is_new:
        return settings
    file = settings.data / "secret"
    try:
        _write_secret(file, settings.secret)
        return replace(settings, secret=file.read_text().strip(), secret_is_new=False)
    except OSError as error:
        raise _unusable(settings.data, error) from error


def _unusable(folder: Path, error: OSError) -> BadSetting:
    return BadSetting(
        f"The data folder {folder} cannot be used: {error.strerror}. Set CASEKEEPER_DATA to"
        " another one."
    )


def _write_secret(file: Path, secret: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix="secret.")  # with mode 0600
    made = Path(name)
    try:
        with os.fdopen(descriptor, "w") as stream:
            stream.write(secret)
        with contextlib.suppress(FileExistsError):
            os.link(made, file)  # whoever comes first wins, and it is complete at once
    finally:
        made.unlink()


def _read(name: str, text: str, default: object) -> object:
    if isinstance(default, Path):
        return Path(text)
    if not text.isprintable():
        raise BadSetting(f"{name} has a character that is no text.")
    shown = text if len(text) <= 40 else text[:40] + "…"
    if isinstance(default, bool | None):
        if text.lower() in {"1", "true", "yes", "on"}:
            return True
        if text.lower() in {"0", "false", "no", "off"}:
            return False
        raise BadSetting(f"{name} must be 1 or 0, not “{shown}”.")
    if isinstance(default, int):
        least, most = _BOUNDS[name]
        if not (
            text.isascii() and text.isdigit() and len(text) < 20 and least <= int(text) <= most
        ):
            raise BadSetting(
                f"{name} must be a whole number from {least} to {most}, not “{shown}”."
            )
        return int(text)
    return text


def flask_config(settings: Settings) -> dict[str, object]:
    """What Flask and its extensions read, from our settings.

    Raises `BadSetting` when a secret is missing: a default one would let anybody sign in.
    """
    if len(settings.secret) < SHORTEST_SECRET:
        raise BadSetting(
            f"CASEKEEPER_SECRET must be set to a random text of at least {SHORTEST_SECRET}"
            " characters, for example the output of:"
            " python3 -c 'import secrets; print(secrets.token_hex(32))'"
        )
    return {
        "SECRET_KEY": settings.secret,
        "SQLALCHEMY_DATABASE_URI": settings.sqlalchemy_url,
        # No ping before each use: a connection that was lost is a 503 once, and then all are new.
        "SQLALCHEMY_ENGINE_OPTIONS": {"pool_size": settings.web_threads},
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": True,  # but see `webapp.web.sessions.cookie_is_secure`
        "SESSION_COOKIE_NAME": "casekeeper",
        "PERMANENT_SESSION_LIFETIME": timedelta(hours=settings.session_hours),
        "SESSION_REFRESH_EACH_REQUEST": True,
        "MAX_CONTENT_LENGTH": settings.max_request,
        "MAX_FORM_MEMORY_SIZE": settings.max_xml,
        "RATELIMIT_STORAGE_URI": _counts_in(settings.redis_url),
        "RATELIMIT_STORAGE_OPTIONS": dict(_REDIS_PATIENCE) if settings.redis_url else {},
        "RATELIMIT_IN_MEMORY_FALLBACK_ENABLED": True,
        "RATELIMIT_HEADERS_ENABLED": True,
        # Of HTML fragments, and few pages: see `webapp.web.compression`.
        "COMPRESS_MIMETYPES": ["text/css", "text/javascript", "image/svg+xml", "text/html"],
        "WTF_CSRF_TIME_LIMIT": None,  # a form left open overnight must still save
        "WTF_CSRF_SSL_STRICT": False,  # it wants a Referer, which our pages forbid
    }


#: A page must not hang because Redis does.
_REDIS_PATIENCE = {"socket_connect_timeout": 1, "socket_timeout": 1}


def _counts_in(redis_url: str) -> str:
    """Where Flask-Limiter keeps its counts; it has its own name for a unix socket."""
    if redis_url.startswith("unix://"):
        return "redis+" + redis_url
    return redis_url or "memory://"
