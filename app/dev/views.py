"""The inspector page, the output registry as JSON, the sessions that can be watched, and the engine's health."""

from __future__ import annotations

import time
from dataclasses import asdict

from flask import Blueprint, current_app, jsonify, render_template, url_for
from flask_login import current_user

from app.accounts.roles import role_required
from app.patient.views import boot
from maxsight_core.outputs import REGISTRY

bp = Blueprint("dev", __name__, url_prefix="/dev")


@bp.get("/")
@role_required("developer")
def inspector():
    body = boot(current_user)
    body["urls"] |= {
        "outputs": url_for("dev.api_outputs"), "running": url_for("dev.api_running"),
        "engine": url_for("dev.api_engine"),
    }
    return render_template("dev/inspector.html", page_title="Inspector", boot=body)


@bp.get("/api/outputs")
@role_required("developer")
def api_outputs():
    """Every output of the registry: what it is, what it means, how it is obtained."""
    return jsonify(outputs=[asdict(spec) for spec in REGISTRY])


@bp.get("/api/running")
@role_required("developer")
def api_running():
    """Sessions of the clinic that run now, developers' own included, and the engine's state."""
    service = current_app.extensions["maxsight.live"]
    running = service.sessions.of_clinic(current_user.clinic_id, patients_only=False)
    return jsonify(sessions=[session.to_json() for session in running], engine=service.engine.health())


@bp.get("/api/engine")
@role_required("developer")
def api_engine():
    """The engine's health now. ``at_s``: this server's monotonic clock, so that two readings give counts a second.

    Below ``/api/`` because the page asks once a second on its own, which must not keep a login alive.
    """
    at_s = time.monotonic()
    return jsonify(at_s=at_s, engine=current_app.extensions["maxsight.live"].engine.health())
