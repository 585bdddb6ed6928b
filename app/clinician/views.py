"""Pages and JSON for clinicians. Everything is limited to the clinician's own clinic, by the queries themselves."""

from __future__ import annotations

from flask import Blueprint, abort, current_app, jsonify, redirect, render_template, request, url_for
from flask_login import current_user

from app.accounts.roles import role_required
from app.records import queries, shown

bp = Blueprint("clinician", __name__, url_prefix="/clinician")

MAX_ALERTS = 5000
"""Ledger rows in one answer; ``alerts_total`` and ``alerts_from`` fetch the rest."""


def _live():
    return current_app.extensions["maxsight.live"]


@bp.get("/")
@role_required("clinician")
def caseload():
    return render_template("clinician/caseload.html", page_title="Caseload", boot={"urls": _urls()})


@bp.get("/patients/<patient_id>")
@role_required("clinician")
def patient(patient_id: str):
    found = queries.patient(current_user.clinic_id, patient_id) or abort(404)
    rows = queries.sessions_of_patient(found.id)
    totals = queries.totals([row.id for row in rows])
    sessions = [shown.session(row, totals[row.id]) for row in rows]
    about = shown.patient(found)
    return render_template(
        "clinician/patient.html", page_title=found.name, patient=about, sessions=sessions,
        boot={"patient": about, "sessions": sessions, "urls": _urls()},
    )


@bp.get("/sessions/<session_id>/live")
@role_required("clinician")
def live(session_id: str):
    """The live view; a session that has ended leads to its review."""
    row = queries.session(current_user.clinic_id, session_id) or abort(404)
    running = _live().sessions.get(session_id)
    if running is None:
        return redirect(url_for("clinician.review", session_id=session_id))
    about = {**shown.session(row), **running.to_json()}
    return render_template(
        "clinician/live.html", page_title="Live session", session=about, patient=about["patient"],
        boot={"session": about, "urls": _urls()},
    )


@bp.get("/sessions/<session_id>")
@role_required("clinician")
def review(session_id: str):
    row = queries.session(current_user.clinic_id, session_id) or abort(404)
    about = shown.session(row)
    return render_template(
        "clinician/review.html", page_title="Session review", session=about, patient=about["patient"],
        boot={"session": about, "urls": _urls()},
    )


@bp.get("/api/caseload")
@role_required("clinician")
def api_caseload():
    """Every patient of the clinic with the facts a caseload shows."""
    running = {s.owner.patient_id: s.session_id for s in _live().sessions.of_clinic(
        current_user.clinic_id, patients_only=True)}
    patients = [
        {**shown.caseload_row(row), "running_session_id": running.get(row.patient.id)}
        for row in queries.caseload(current_user.clinic_id)
    ]
    return jsonify(patients=patients)


@bp.get("/api/sessions/<session_id>")
@role_required("clinician")
def api_session(session_id: str):
    """One session whole: its record, the figures of every second, the alert ledger."""
    row = queries.session(current_user.clinic_id, session_id) or abort(404)
    start = request.args.get("alerts_from", 0, type=int)
    total, alerts = queries.ledger(session_id, start=max(0, start), limit=MAX_ALERTS)
    return jsonify(
        session=shown.session(row, queries.totals([row.id])[row.id]),
        figures=[shown.figure(f) for f in queries.figures(session_id)],
        alerts=[shown.alert(a) for a in alerts], alerts_total=total, alerts_from=max(0, start),
    )


@bp.get("/api/running")
@role_required("clinician")
def api_running():
    """Sessions of the clinic's patients that run now."""
    running = _live().sessions.of_clinic(current_user.clinic_id, patients_only=True)
    return jsonify(sessions=[session.to_json() for session in running])


def _urls() -> dict[str, str]:
    return {
        "caseload": url_for("clinician.caseload"), "api_caseload": url_for("clinician.api_caseload"),
        "api_running": url_for("clinician.api_running"),
    }
