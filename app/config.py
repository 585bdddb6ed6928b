"""Settings of the web product, typed, read once from the environment.

The engine's own settings are in ``maxsight_core.engine.config``.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]

IDLE_LIMIT_S = 15 * 60
ABSOLUTE_LIMIT_S = 12 * 3600
MAX_REQUEST_BYTES = 64 * 1024
"""Largest HTTP body: forms, preferences and a sentence to speak. Frames come by socket, not by HTTP."""

THREADS_FOR_HTTP = 8
"""Server threads that sockets may never take, so that pages and /healthz always answer."""
THREADS_BESIDE_SESSIONS = 16
"""Threads left for pages, clinicians and developers when every session slot is in use."""
MIN_THREADS = THREADS_BESIDE_SESSIONS + 1

MIN_SECRET_CHARACTERS = 16
SECRET_BYTES = 32


class ConfigError(RuntimeError):
    """A setting is missing or cannot be used; the message names it and says what to do."""


@dataclass(frozen=True, slots=True)
class Config:
    """Everything the web product can be told.

    Args:
        secret_key: signs cookies. database_url: SQLAlchemy URL.
        environment: ``production`` | ``development``.
        threads: threads of the one server process; each open WebSocket holds one.
        https: the site is served behind TLS: Secure cookies and HSTS.
        proxy_count: how many reverse proxies set ``X-Forwarded-*`` in front (0: trust none of it).
        allowed_origins: origins beside the site's own that may open a socket.
        trusted_hosts: host names the site answers to; empty: any.
    """

    secret_key: str
    database_url: str
    instance_dir: Path
    environment: str = "production"
    threads: int = 64
    https: bool = False
    proxy_count: int = 0
    allowed_origins: tuple[str, ...] = ()
    trusted_hosts: tuple[str, ...] = ()

    @property
    def max_sessions(self) -> int:
        """Vision sessions at once: over this a new one is refused politely."""
        return self.threads - THREADS_BESIDE_SESSIONS

    @property
    def max_sockets(self) -> int:
        """Sockets at once: each holds a thread, and some threads must stay free for pages."""
        return self.threads - THREADS_FOR_HTTP

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None, instance_dir: Path | None = None) -> Config:
        """Read the variables.

        Raises:
            ConfigError: SECRET_KEY is missing in production, or a variable cannot be used.
        """
        env = os.environ if environ is None else environ
        folder = (instance_dir or Path(env.get("MAXSIGHT_INSTANCE_DIR") or REPOSITORY / "instance")).resolve()
        environment = env.get("MAXSIGHT_ENV", "production")
        if environment not in ("production", "development"):
            raise ConfigError(f"MAXSIGHT_ENV: expected production or development; got {environment!r}")
        threads = _whole(env, "MAXSIGHT_THREADS", 64)
        if threads < MIN_THREADS:
            raise ConfigError(
                f"MAXSIGHT_THREADS: expected at least {MIN_THREADS} ({THREADS_BESIDE_SESSIONS} stay free for pages "
                f"and watchers); got {threads}"
            )
        return cls(
            secret_key=_secret_key(env, folder, environment),
            database_url=env.get("DATABASE_URL") or f"sqlite:///{folder / 'maxsight.db'}",
            instance_dir=folder, environment=environment, threads=threads,
            https=_yes(env, "MAXSIGHT_HTTPS"), proxy_count=_whole(env, "MAXSIGHT_PROXY_COUNT", 0),
            allowed_origins=_list(env, "MAXSIGHT_ALLOWED_ORIGINS"), trusted_hosts=_list(env, "MAXSIGHT_TRUSTED_HOSTS"),
        )

    def flask_settings(self) -> dict[str, Any]:
        """The same, under the names Flask and its extensions read."""
        return {
            "SECRET_KEY": self.secret_key,
            "SQLALCHEMY_DATABASE_URI": self.database_url,
            "MAX_CONTENT_LENGTH": MAX_REQUEST_BYTES,
            # A __Host- cookie cannot be set by a sub-domain or over plain http; browsers accept it only with Secure.
            "SESSION_COOKIE_NAME": "__Host-maxsight" if self.https else "maxsight_session",
            "SESSION_COOKIE_SECURE": self.https,
            "SESSION_COOKIE_HTTPONLY": True,
            "SESSION_COOKIE_SAMESITE": "Lax",
            "WTF_CSRF_TIME_LIMIT": None,  # as long as the login itself, which has its own limits
            "TRUSTED_HOSTS": list(self.trusted_hosts) or None,
            "PREFERRED_URL_SCHEME": "https" if self.https else "http",
        }


def secret_key_file(instance_dir: Path) -> Path:
    return instance_dir / "secret_key"


def ensure_secret_key(instance_dir: Path) -> Path:
    """Make ``instance/secret_key`` with mode 0600 unless it is there; returns its path."""
    path = secret_key_file(instance_dir)
    instance_dir.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(SECRET_BYTES))
    return path


def _secret_key(env: Mapping[str, str], folder: Path, environment: str) -> str:
    key, origin = env.get("SECRET_KEY", ""), "SECRET_KEY"
    path = secret_key_file(folder)
    if not key and path.is_file():
        key, origin = path.read_text(encoding="ascii").strip(), str(path)
    if not key and environment == "development":
        return secrets.token_hex(SECRET_BYTES)  # logins end with the process: fine while developing
    if not key:
        raise ConfigError(
            "SECRET_KEY is not set and there is no instance/secret_key. Start with `make run`, or make a key with "
            "`python -m app.config`, or set SECRET_KEY to at least 16 random characters."
        )
    if len(key) < MIN_SECRET_CHARACTERS:
        raise ConfigError(f"{origin}: expected at least {MIN_SECRET_CHARACTERS} characters; got {len(key)}")
    return key


def _whole(env: Mapping[str, str], name: str, default: int) -> int:
    text = env.get(name)
    if not text:
        return default
    if not text.isdigit():
        raise ConfigError(f"{name}: expected a whole number; got {text!r}")
    return int(text)


def _yes(env: Mapping[str, str], name: str) -> bool:
    return env.get(name, "").lower() in ("1", "true", "yes", "on")


def _list(env: Mapping[str, str], name: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in env.get(name, "").split(",") if part.strip())


if __name__ == "__main__":  # `python -m app.config`: what `make run` calls before the first start
    print(ensure_secret_key(Path(os.environ.get("MAXSIGHT_INSTANCE_DIR") or REPOSITORY / "instance")))
