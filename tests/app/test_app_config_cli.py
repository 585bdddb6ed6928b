"""Settings, commands, migrations."""

from __future__ import annotations

import re
import sqlite3
import stat
import subprocess
import sys

import pytest
from app_engine_double import EngineDouble
from app_support import KEY, make_config

from app import create_app
from app.config import REPOSITORY, Config, ConfigError, ensure_secret_key
from app.extensions import db
from app.records.people import Login, Patient, User


def test_production_refuses_to_start_without_a_key(tmp_path):
    with pytest.raises(ConfigError, match="make run"):
        Config.from_environment({}, tmp_path)
    with pytest.raises(ConfigError, match="16 characters"):
        Config.from_environment({"SECRET_KEY": "short"}, tmp_path)


def test_the_generated_key_is_for_its_owner_only_and_stays(tmp_path):
    path = ensure_secret_key(tmp_path / "instance")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and len(path.read_text()) == 64
    first = path.read_text()
    assert ensure_secret_key(tmp_path / "instance").read_text() == first
    assert Config.from_environment({}, tmp_path / "instance").secret_key == first


def test_development_needs_no_key_and_has_no_guessable_one(tmp_path):
    keys = {Config.from_environment({"MAXSIGHT_ENV": "development"}, tmp_path).secret_key for _ in range(2)}
    assert len(keys) == 2 and all(len(key) == 64 for key in keys)


@pytest.mark.parametrize(("name", "value"), [
    ("MAXSIGHT_THREADS", "many"), ("MAXSIGHT_THREADS", "8"), ("MAXSIGHT_ENV", "staging"),
    ("MAXSIGHT_PROXY_COUNT", "-1")])
def test_a_wrong_setting_is_named(name, value, tmp_path):
    with pytest.raises(ConfigError, match=name):
        Config.from_environment({"SECRET_KEY": KEY, name: value}, tmp_path)


def test_some_threads_always_stay_free_for_pages(tmp_path):
    config = Config.from_environment({"SECRET_KEY": KEY}, tmp_path)
    assert (config.threads, config.max_sessions, config.max_sockets) == (64, 48, 56)
    assert config.database_url == f"sqlite:///{tmp_path / 'maxsight.db'}"


def test_the_app_without_the_server_loads_no_model(tmp_path):
    program = (
        "import sys; from pathlib import Path; from app import create_app; from app.config import Config;"
        f"create_app(Config.from_environment({{'SECRET_KEY': '{KEY}'}}, Path({str(tmp_path)!r})));"
        "print([m for m in ('torch', 'openvino', 'cv2', 'maxsight_core.engine') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.fixture
def empty(tmp_path):
    """The app over a database file that does not exist yet."""
    app = create_app(make_config(tmp_path), engine=EngineDouble)
    yield app
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


def tables(path) -> set[str]:
    with sqlite3.connect(path) as connection:
        return {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def test_a_server_without_tables_says_what_to_do(empty):
    from app import live_service

    with pytest.raises(RuntimeError, match="db upgrade"):
        live_service(empty).start()


def test_the_migrations_go_up_down_and_up_again_and_match_the_models(empty, tmp_path):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext
    from flask_migrate import downgrade, upgrade

    ours = {"clinics", "users", "logins", "login_throttle", "patients", "sessions", "alerts", "figures"}
    with empty.app_context():
        upgrade()
        assert ours <= tables(tmp_path / "maxsight.db")
        with db.engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, db.metadata) == []
        downgrade(revision="base")
        assert not ours & tables(tmp_path / "maxsight.db")
        upgrade()
        assert ours <= tables(tmp_path / "maxsight.db")


def test_sqlite_is_opened_for_several_threads_and_for_power_cuts(app):
    with app.app_context(), db.engine.connect() as connection:
        pragma = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in (
            "journal_mode", "busy_timeout", "foreign_keys", "synchronous")}
    assert pragma == {"journal_mode": "wal", "busy_timeout": 5000, "foreign_keys": 1, "synchronous": 2}


def test_seed_demo_makes_one_of_each_once_with_passwords_that_work(empty):
    from app_support import token_of
    from flask_migrate import upgrade

    runner = empty.test_cli_runner()
    with empty.app_context():
        upgrade()
    first = runner.invoke(args=["seed-demo"])
    assert first.exit_code == 0, first.output
    accounts = re.findall(r"^\s+(\w+)\s+(\S+@\S+)\s+(\S+)$", first.output, re.M)
    assert [role for role, _, _ in accounts] == ["patient", "clinician", "developer"]
    second = runner.invoke(args=["seed-demo"])
    assert (second.exit_code, second.output) == (0, "")
    for _, email, password in accounts:
        browser = empty.test_client()
        data = {"email": email, "password": password, "csrf_token": token_of(browser)}
        assert browser.post("/login", data=data).status_code == 302
    with empty.app_context():
        assert db.session.query(User).count() == 3 and db.session.query(Patient).count() == 1


def test_create_user_checks_what_it_is_given(app):
    runner = app.test_cli_runner()
    base = ["create-user", "--name", "Anna", "--role", "patient"]
    made = runner.invoke(args=[*base, "--email", "anna@example.org", "--condition", "amd", "--clinic", "north",
                               "--password", "a fine pass phrase"])
    assert made.exit_code == 0, made.output
    with app.app_context():
        user = db.session.query(User).filter_by(email="anna@example.org").one()
        assert user.patient.condition == "amd" and user.clinic.name == "north"
    for wrong in (["--email", "anna@example.org", "--password", "another pass phrase"],
                  ["--email", "no address", "--password", "another pass phrase"],
                  ["--email", "b@example.org", "--password", "short"]):
        assert runner.invoke(args=[*base, *wrong]).exit_code == 1


def test_disable_user_ends_the_logins(app, enter):
    browser = enter("patient.north")
    assert app.test_cli_runner().invoke(args=["disable-user", "--email", "patient.north@example.org"]).exit_code == 0
    assert browser.get("/patient/").status_code == 302
    with app.app_context():
        assert db.session.query(Login).filter(Login.ended_at.is_(None)).count() == 0
