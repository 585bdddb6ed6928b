"""Errors as pages for people and as JSON for programs; both say what to do."""

from __future__ import annotations

import logging

from flask import Flask, jsonify, redirect, render_template, request, url_for
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

log = logging.getLogger(__name__)

PAGES: dict[int, tuple[str, str, str]] = {
    400: ("This request cannot be understood", "Something in it was missing or damaged.",
          "Go back, reload the page, and try again."),
    403: ("You may not see this page", "It belongs to another kind of account, or to another clinic.",
          "Go to the first page, or log in with the account it belongs to."),
    404: ("There is no such page", "The address may be mistyped, or what it led to is gone.",
          "Check the address, or start from the first page."),
    405: ("This page cannot be used that way", "It was called in a way it does not know.",
          "Start from the first page."),
    413: ("That is too large", "More was sent than this server accepts at once.", "Send less, then try again."),
    429: ("Too many attempts", "This server is asked too often from here.", "Wait five minutes, then try again."),
    500: ("Something went wrong here", "The mistake is ours. It is written to the server's log.",
          "Try again. If it happens again, tell whoever runs this server when it happened."),
    503: ("Not available now", "A part of MaxSight is not running.", "Try again in a few minutes."),
}
CODES = {400: "bad_message", 401: "signed_out", 403: "forbidden", 404: "not_found", 413: "too_large",
         429: "too_many_requests", 500: "server_error", 503: "unavailable"}


def wants_json() -> bool:
    """Whether the answer is read by a program: our own pages ask for JSON by header, or by address."""
    if "/api/" in request.path or request.is_json:
        return True
    accepted = request.accept_mimetypes
    return accepted.best_match(("text/html", "application/json"), default="text/html") == "application/json"


def json_error(status: int, code: str, message: str):
    return jsonify(ok=False, error={"code": code, "message": message}), status


def page_error(status: int, message: str | None = None):
    """An error in the form the asker reads."""
    title, about, what_to_do = PAGES.get(status, PAGES[500])
    if wants_json():
        return json_error(status, CODES.get(status, f"http_{status}"), message or f"{about} {what_to_do}")
    page = render_template(
        "errors/error.html", page_title=title, title=title, message=message or about, what_to_do=what_to_do,
        code=status,
    )
    return page, status


def unauthorised():
    """Nobody is logged in: programs get 401, people get the login page and come back to where they wanted to go."""
    if wants_json():
        return json_error(401, "signed_out", "You are logged out. Log in again.")
    target = request.full_path if request.query_string else request.path
    return redirect(url_for("accounts.login", next=target if request.method == "GET" else None))


def register(app: Flask) -> None:
    @app.errorhandler(CSRFError)
    def _csrf(error: CSRFError):
        return page_error(
            400, "This page was open for too long, or was not sent from MaxSight. Reload it, then try again."
        )

    @app.errorhandler(HTTPException)
    def _http(error: HTTPException):
        if error.code is None or error.code < 400:
            return error
        return page_error(error.code)

    @app.errorhandler(Exception)
    def _crash(error: Exception):
        log.exception("a request failed: %s", request.endpoint)
        return page_error(500)
