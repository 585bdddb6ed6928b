"""Log in, log out, and the front door that leads everybody to their own pages."""

from __future__ import annotations

import logging
import math
import re
import threading

from flask import Blueprint, current_app, flash, redirect, render_template, request, session, url_for
from flask_login import current_user, login_required, login_user, logout_user
from sqlalchemy import select

from app.accounts import lockout, logins, passwords
from app.accounts.forms import LoginForm
from app.extensions import db
from app.records.people import User

log = logging.getLogger(__name__)
bp = Blueprint("accounts", __name__)

HOME_OF_ROLE = {"patient": "patient.home", "clinician": "clinician.caseload", "developer": "dev.inspector"}
LOCAL_PATH = re.compile(r"/(?!/)[\w\-./?=&%:]*", re.ASCII)
"""A path of this site and nothing a browser could read as another site's address."""
MAX_VERIFYING = 2
"""Password checks at once: each takes 46 MiB, so a flood of guesses must queue, not fill the memory."""
_verifying = threading.BoundedSemaphore(MAX_VERIFYING)
WRONG = "The email address or the password is wrong. Check both and try again."


@bp.get("/")
def front_door():
    """Everybody's own first page, or the login."""
    if not current_user.is_authenticated:
        return redirect(url_for("accounts.login"))
    return redirect(url_for(HOME_OF_ROLE[current_user.role]))


@bp.route("/login", methods=["GET", "POST"])
def login():
    """The login form. 400: not filled in; 401: wrong; 429: locked."""
    if current_user.is_authenticated:
        return redirect(url_for("accounts.front_door"))
    form = LoginForm()
    if request.method != "POST":
        return _page(form)
    if not form.validate():
        return _page(form), 400
    email = form.email.data.strip().lower()
    with _verifying:
        locked = lockout.locked_for(email)
        user = None if locked else _verified(email, form.password.data)
    if user is None:
        locked = lockout.locked_for(email)
        return _locked(form, locked.total_seconds()) if locked else _refused(form)
    _admit(user, form.password.data)
    return redirect(_next_page() or url_for(HOME_OF_ROLE[user.role]))


@bp.post("/logout")
@login_required
def logout():
    """End this login everywhere it is used: pages and sockets."""
    login_id = current_user.login_id
    logins.end(login_id)
    logout_user()
    session.clear()
    current_app.extensions["maxsight.live"].disconnect_login(login_id, "logged_out")
    flash("You are logged out.")
    return redirect(url_for("accounts.login"))


def _verified(email: str, password: str) -> User | None:
    """The active user these belong to, or None after counting the failure."""
    user = db.session.scalar(select(User).where(User.email == email))
    fits = passwords.verify(user.password_hash if user else None, password)
    if user is not None and fits and user.active:
        return user
    lockout.record_failure(email)
    log.info("login refused")
    return None


def _admit(user: User, password: str) -> None:
    lockout.clear(user.email)
    if passwords.needs_rehash(user.password_hash):
        user.password_hash = passwords.hash_password(password)
    session.clear()  # nothing of the anonymous visit survives into the login
    logins.start(user)
    login_user(user)


def _page(form: LoginForm) -> str:
    return render_template("accounts/login.html", form=form, page_title="Log in")


def _refused(form: LoginForm):
    form.password.errors = [*form.password.errors, WRONG]
    return _page(form), 401


def _locked(form: LoginForm, seconds: float):
    minutes = max(1, math.ceil(seconds / 60.0))
    unit = "minute" if minutes == 1 else "minutes"
    form.email.errors = [f"Too many failed attempts for this address. Wait {minutes} {unit}, then try again."]
    return _page(form), 429, {"Retry-After": str(math.ceil(seconds))}


def _next_page() -> str | None:
    """The page that asked for the login, only if it is a path of this site."""
    target = request.args.get("next", "")
    return target if LOCAL_PATH.fullmatch(target) else None
