"""/healthz: the process answers. /readyz: everything it needs is there. Neither names anybody."""

from __future__ import annotations

from flask import Blueprint, current_app, jsonify

from app.engine_client import RUNNING
from app.extensions import db
from app.records import database

bp = Blueprint("health", __name__)


@bp.get("/healthz")
def healthz():
    """No database, no engine: it must answer while either is in trouble."""
    return jsonify(status="ok")


@bp.get("/readyz")
def readyz():
    """200 when sessions can run; 503 with the parts that are not ready."""
    service = current_app.extensions["maxsight.live"]
    engine = service.engine.health()
    live = service.health()
    wrong = database.answers(db.engine)
    ready = {
        "engine": engine["state"] == RUNNING and bool(engine.get("alive", False)),
        "database": wrong is None,
        "writer": bool(live["writer"]["alive"]) and live["writer"]["last_error"] is None,
    }
    body = {
        "status": "ready" if all(ready.values()) else "not_ready", "ready": ready,
        "engine": engine, "live": live, "database": wrong or "ok",
    }
    return jsonify(body), 200 if all(ready.values()) else 503
