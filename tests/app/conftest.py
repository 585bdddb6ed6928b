"""The real app over a real, migrated SQLite file. Only the engine is a double, and only where a test says so."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from app_engine_double import EngineDouble
from app_support import Socket, add_people, make_config

from app import create_app, live_service
from app.accounts import logins
from app.extensions import db
from app.records.people import User


@pytest.fixture(scope="session")
def migrated(tmp_path_factory) -> tuple[Path, dict[str, str]]:
    """A database file made by the real migrations, with people in it; copied for each test."""
    from flask_migrate import upgrade

    folder = tmp_path_factory.mktemp("migrated")
    app = create_app(make_config(folder), engine=EngineDouble)
    with app.app_context():
        upgrade()
        ids = add_people()
        db.session.remove()
        db.engine.dispose()
    return folder / "maxsight.db", ids


@pytest.fixture
def ids(migrated) -> dict[str, str]:
    return migrated[1]


@pytest.fixture
def folder(tmp_path, migrated) -> Path:
    shutil.copy(migrated[0], tmp_path / "maxsight.db")
    return tmp_path


@pytest.fixture
def engine() -> EngineDouble:
    return EngineDouble()


@pytest.fixture
def app(folder, engine):
    """The app, not started: pages only."""
    app = create_app(make_config(folder), engine=lambda: engine)
    app.testing = True
    yield app
    live_service(app).stop()
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def live(app):
    """The app's running half, started."""
    service = live_service(app)
    service.start()
    assert service.engine.wait(5.0)
    return service


@pytest.fixture
def enter(app):
    """``enter("patient.north")``: a browser with a login of that person.

    The login is started as the form starts it, without the password's 46 MiB; test_app_accounts uses the form.
    """

    def log_in(name: str):
        browser = app.test_client()
        with app.app_context():
            user = db.session.query(User).filter_by(name=name).one()
            logins.start(user)
            token = user.get_id()
        with browser.session_transaction() as session:
            session["_user_id"] = token
        return browser

    return log_in


@pytest.fixture
def connect(app, live, enter):
    """``connect("patient.north")``: that person's socket."""

    def open_socket(name: str) -> Socket:
        return Socket(app, enter(name))

    return open_socket
