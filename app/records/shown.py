"""Rows as JSON for pages. An alert has the names of ``AlertDecision.to_json`` plus its delivery."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from app import catalogue
from app.records.base import utc_now
from app.records.queries import CaseloadRow, Totals
from app.records.sessions import Alert, Figure, Session
from maxsight_core.contracts import URGENCIES

QUIET_AFTER = timedelta(days=14)
"""A patient without a session for this long is flagged: two missed weeks of a usual weekly plan."""


def patient(row) -> dict[str, Any]:
    return {
        "id": row.id, "name": row.name, "condition": row.condition,
        "condition_name": catalogue.condition_name(row.condition), "has_account": row.user_id is not None,
        "created_at": row.created_at.isoformat(),
    }


def session(row: Session, totals: Totals | None = None) -> dict[str, Any]:
    """A session's record, with its totals where they were read; ``duration_s`` is None while it runs."""
    if totals is not None:
        counted = {"alerts_by_fate": totals.alerts_by_fate, "dropped": totals.dropped}
        return {**session(row), **counted}
    ended = row.ended_at
    return {
        "id": row.id, "state": row.status, "purpose": row.purpose, "source": row.source,
        "source_detail": row.source_detail, "settings": row.settings, "condition": row.settings.get("condition"),
        "patient": None if row.patient is None else {"id": row.patient.id, "name": row.patient.name},
        "started_at": row.started_at.isoformat(), "ended_at": None if ended is None else ended.isoformat(),
        "end_reason": row.end_reason,
        "duration_s": None if ended is None else round((ended - row.started_at).total_seconds(), 1),
        "engine": row.engine, "software_version": row.software_version,
        "alerts_lost": row.alerts_lost, "figures_lost": row.figures_lost,
    }


def alert(row: Alert) -> dict[str, Any]:
    delivered = row.delivery_fate is not None
    return {
        "id": row.alert_id, "stage": row.stage, "kind": row.kind, "text": row.text, "fate": row.fate,
        "reason": row.reason, "seq": row.seq, "time_s": row.time_s, "expires_s": row.expires_s,
        "track_id": row.track_id, "class": row.class_name, "bearing_deg": row.bearing_deg,
        "distance_m": row.distance_m, "time_to_contact_s": row.time_to_contact_s, "urgency": URGENCIES[row.urgency],
        "haptic": row.haptic, "earcon": row.earcon, "interrupts": row.interrupts, "source": row.source,
        "decided_at": row.decided_at.isoformat(), "repeats": row.repeats,
        "delivery": None if not delivered else {
            "fate": row.delivery_fate, "reason": row.delivery_reason, "latency_ms": row.delivery_latency_ms,
            "at": None if row.delivered_at is None else row.delivered_at.isoformat(),
        },
    }


def figure(row: Figure) -> dict[str, Any]:
    return {
        "second": row.second, "at": row.at.isoformat(), "frames": row.frames, "results": row.results,
        "dropped": row.drops, "latency_p50_ms": row.latency_p50_ms, "latency_p95_ms": row.latency_p95_ms,
        "delivery_p50_ms": row.delivery_p50_ms, "delivery_p95_ms": row.delivery_p95_ms,
        "uncertainty": row.uncertainty_mean, "alerts": row.alerts,
    }


def caseload_row(row: CaseloadRow) -> dict[str, Any]:
    """A patient's line; flags are facts that want attention, each with its words."""
    last = row.last
    return {
        **patient(row.patient), "sessions": row.sessions,
        "last_session": None if last is None else {
            "id": last.id, "started_at": last.started_at.isoformat(), "state": last.status,
            "end_reason": last.end_reason,
        },
        "flags": _flags(row),
    }


def _flags(row: CaseloadRow) -> list[dict[str, str]]:
    last, flags = row.last, []
    if last is None:
        flags.append({"code": "never_used", "text": "No session yet"})
    else:
        if last.status == "interrupted":
            flags.append({"code": "interrupted", "text": "Last session was interrupted"})
        if last.alerts_lost:
            flags.append({"code": "ledger_gap", "text": "Last session's ledger has gaps"})
        if last.status != "running" and utc_now() - last.started_at > QUIET_AFTER:
            flags.append({"code": "quiet", "text": f"No session for {(utc_now() - last.started_at).days} days"})
    return flags
