"""The web product. ``create_app`` builds it; it loads no model and starts no thread (``wsgi.py`` does)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from app.config import ABSOLUTE_LIMIT_S, REPOSITORY, Config, ConfigError
from app.engine_client import EngineClient, Service, build_service

__all__ = ["Config", "ConfigError", "create_app", "live_service"]


def create_app(config: Config | None = None, engine: Callable[[], Service] | None = None) -> Flask:
    """The application.

    Args:
        config: settings, or None to read the environment.
        engine: makes the engine service when the server starts, or None for the real one.

    Raises:
        ConfigError: a setting is missing or cannot be used.
    """
    config = config or Config.from_environment()
    config.instance_dir.mkdir(parents=True, exist_ok=True)
    app = Flask(
        "maxsight", instance_path=str(config.instance_dir.resolve()), template_folder=str(REPOSITORY / "templates"),
        static_folder=str(REPOSITORY / "static"), static_url_path="/static",
    )
    app.config.from_mapping(config.flask_settings(), PERMANENT_SESSION_LIFETIME=timedelta(seconds=ABSOLUTE_LIMIT_S))
    app.json.sort_keys = False
    _bind_extensions(app)
    _bind_pages(app, config)
    _bind_live(app, config, engine)
    if config.proxy_count:
        hops = config.proxy_count
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)
    return app


def live_service(app: Flask):
    """The running half of ``app``: sessions, writer, engine (``app.live.service.LiveService``)."""
    return app.extensions["maxsight.live"]


def _bind_extensions(app: Flask) -> None:
    from app.accounts.logins import load_user
    from app.errors import unauthorised
    from app.extensions import csrf, db, login_manager, migrate
    from app.records import database, people, sessions  # noqa: F401  (tables must be known to the metadata)

    db.init_app(app)
    migrate.init_app(app, db, directory=str(REPOSITORY / "migrations"))
    csrf.init_app(app)
    login_manager.init_app(app)
    login_manager.session_protection = None  # it ties a login to the address, which a phone changes while walking
    login_manager.user_loader(load_user)
    login_manager.unauthorized_handler(unauthorised)


def _bind_pages(app: Flask, config: Config) -> None:
    from app import cli, errors, headers, health
    from app.accounts import views as accounts
    from app.clinician import views as clinician
    from app.dev import views as dev
    from app.patient import views as patient

    for blueprint in (accounts.bp, patient.bp, clinician.bp, dev.bp, health.bp):
        app.register_blueprint(blueprint)
    errors.register(app)
    headers.register(app, https=config.https)
    cli.register(app)


def _bind_live(app: Flask, config: Config, engine: Callable[[], Service] | None) -> None:
    from app.extensions import socketio
    from app.live import server
    from app.live.outbox import Outbox
    from app.live.service import LiveService

    server.bind(app, config)
    client = EngineClient(engine or (lambda: build_service(config.max_sessions)))
    app.extensions["maxsight.live"] = LiveService(app, Outbox(socketio.server), client, config.max_sessions)
