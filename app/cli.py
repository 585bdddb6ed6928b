"""Commands: ``flask --app wsgi seed-demo``, ``create-user``, ``disable-user``, ``unlock``."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import click
import flask_migrate
from flask import Flask, current_app
from flask.cli import with_appcontext
from sqlalchemy import delete, select, update

from app.accounts import passwords
from app.extensions import db
from app.records.base import utc_now
from app.records.people import ROLES, Clinic, Login, LoginThrottle, Patient, User
from maxsight_core.contracts import CONDITIONS

EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
DEMO_LOGINS_FILE = "demo_logins.json"
DEMO_CLINIC = "Demo clinic"
DEMO_USERS: tuple[tuple[str, str, str], ...] = (
    ("patient", "patient@demo.example", "Demo patient"),
    ("clinician", "clinician@demo.example", "Demo clinician"),
    ("developer", "developer@demo.example", "Demo developer"),
)


def register(app: Flask) -> None:
    for command in (prepare, seed_demo, create_user, disable_user, unlock):
        app.cli.add_command(command)


@click.command("prepare")
@click.pass_context
@with_appcontext
def prepare(context: click.Context) -> None:
    """Bring the database to the newest revision and make the demo clinic: what `make run` calls before it serves."""
    flask_migrate.upgrade()
    context.invoke(seed_demo)


@click.command("seed-demo")
@with_appcontext
def seed_demo() -> None:
    """Make a demo clinic with one patient, one clinician and one developer. Passwords are shown once, here."""
    clinic = _clinic(DEMO_CLINIC)
    made: list[tuple[str, str, str]] = []
    for role, email, name in DEMO_USERS:
        if db.session.scalar(select(User.id).where(User.email == email)) is None:
            password = passwords.generate()
            _add_user(clinic, role, email, name, password)
            made.append((role, email, password))
    db.session.commit()
    if not made:
        return
    path = _keep_logins(made)
    click.echo(f"Demo accounts. The passwords are not shown again (they are in {path}, which only you can read):")
    for role, email, password in made:
        click.echo(f"  {role:<10} {email:<24} {password}")


def _keep_logins(made: list[tuple[str, str, str]]) -> Path:
    """The demo logins in the instance folder, beside the secret key and as private: benches log in with them."""
    path = Path(current_app.instance_path) / DEMO_LOGINS_FILE
    logins = {role: {"email": email, "password": password} for role, email, password in made}
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(logins, file, indent=2)
    return path


@click.command("create-user")
@with_appcontext
@click.option("--email", required=True)
@click.option("--name", required=True)
@click.option("--role", type=click.Choice(ROLES), required=True)
@click.option("--clinic", "clinic_name", default=DEMO_CLINIC, show_default=True, help="Made if there is none.")
@click.option("--condition", type=click.Choice(CONDITIONS), help="For a patient: the vision condition.")
@click.option("--password", prompt="Password (empty: generate one)", default="", hide_input=True,
              show_default=False, confirmation_prompt=False)
def create_user(email: str, name: str, role: str, clinic_name: str, condition: str | None, password: str) -> None:
    """Make an account; a patient gets a patient record with it."""
    address = email.strip().lower()
    if not EMAIL.fullmatch(address):
        raise click.ClickException(f"--email: expected an address such as anna@example.org; got {email!r}")
    if db.session.scalar(select(User.id).where(User.email == address)) is not None:
        raise click.ClickException(f"there is an account for {address} already")
    if condition and role != "patient":
        raise click.ClickException("--condition is for patients only")
    chosen = password or passwords.generate()
    try:
        _add_user(_clinic(clinic_name), role, address, name, chosen, condition)
    except passwords.PasswordError as error:
        raise click.ClickException(str(error)) from None
    db.session.commit()
    click.echo(f"Made the {role} account {address}.")
    if not password:
        click.echo(f"Password, not shown again: {chosen}")


@click.command("disable-user")
@with_appcontext
@click.option("--email", required=True)
def disable_user(email: str) -> None:
    """Disable an account: its pages and sockets end within 5 seconds, also in a server that runs."""
    user = db.session.scalar(select(User).where(User.email == email.strip().lower()))
    if user is None:
        raise click.ClickException(f"there is no account for {email}")
    user.active = False
    db.session.execute(
        update(Login).where(Login.user_id == user.id, Login.ended_at.is_(None)).values(ended_at=utc_now())
    )
    db.session.commit()
    click.echo(f"Disabled {user.email}.")


@click.command("unlock")
@with_appcontext
def unlock() -> None:
    """Forget all failed logins, so that locked addresses can be used again."""
    db.session.execute(delete(LoginThrottle))
    db.session.commit()
    click.echo("Every address can log in again.")


def _clinic(name: str) -> Clinic:
    clinic = db.session.scalar(select(Clinic).where(Clinic.name == name))
    if clinic is None:
        clinic = Clinic(name=name)
        db.session.add(clinic)
        db.session.flush()
    return clinic


def _add_user(
    clinic: Clinic, role: str, email: str, name: str, password: str, condition: str | None = None
) -> User:
    user = User(
        clinic_id=clinic.id, email=email, name=name, role=role, password_hash=passwords.hash_password(password),
    )
    db.session.add(user)
    db.session.flush()
    if role == "patient":
        db.session.add(Patient(clinic_id=clinic.id, user_id=user.id, name=name, condition=condition))
    return user
