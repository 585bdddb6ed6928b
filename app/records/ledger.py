"""The writes of a running session: alerts, deliveries, figures, the end. Called by the writer thread only."""

from __future__ import annotations

from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from app.records.base import utc_now
from app.records.sessions import Alert, Figure, Session
from maxsight_core.contracts import AlertDecision

DECISION_COLUMNS: tuple[str, ...] = tuple(item.name for item in fields(AlertDecision))


def alert_row(session_id: str, decision: AlertDecision, decided_at: datetime) -> dict[str, Any]:
    """Every field of the decision, under its own name."""
    row = {name: getattr(decision, name) for name in DECISION_COLUMNS}
    return {"session_id": session_id, "decided_at": decided_at, **row}


def figure_row(session_id: str, figures: Any) -> dict[str, Any]:
    """One row of ``figures`` from a finished second (``app.live.figures.SecondFigures``)."""
    return {"session_id": session_id, **asdict(figures)}


def _insert(connection: Connection, table):
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    return dialect.insert(table)


def put_alerts(connection: Connection, rows: list[dict[str, Any]]) -> None:
    """Write decisions; a decision that is known already gets its new fate and keeps its delivery."""
    statement = _insert(connection, Alert)
    changed = {name: statement.excluded[name] for name in DECISION_COLUMNS if name not in ("alert_id", "seq", "time_s")}
    connection.execute(
        statement.on_conflict_do_update(index_elements=["session_id", "alert_id"], set_=changed), rows
    )


def put_figures(connection: Connection, rows: list[dict[str, Any]]) -> None:
    statement = _insert(connection, Figure)
    changed = {c.name: statement.excluded[c.name] for c in Figure.__table__.columns if not c.primary_key}
    connection.execute(
        statement.on_conflict_do_update(index_elements=["session_id", "second"], set_=changed), rows
    )


def put_delivery(
    connection: Connection, session_id: str, alert_id: str, fate: str, reason: str, latency_ms: float | None,
    at: datetime,
) -> None:
    """What the browser did. The first latency stands: a repetition or an interruption later does not change it."""
    connection.execute(
        update(Alert).where(Alert.session_id == session_id, Alert.alert_id == alert_id).values(
            delivery_fate=fate, delivery_reason=reason or None,
            delivery_latency_ms=func.coalesce(Alert.delivery_latency_ms, latency_ms),
            delivered_at=func.coalesce(Alert.delivered_at, at),
        )
    )


def put_repeat(connection: Connection, session_id: str, alert_id: str) -> None:
    """The person asked to hear it again."""
    connection.execute(
        update(Alert).where(Alert.session_id == session_id, Alert.alert_id == alert_id)
        .values(repeats=Alert.repeats + 1)
    )


def put_end(connection: Connection, session_id: str, reason: str, ended_at: datetime) -> None:
    """End a running session; one that has ended keeps its first end."""
    connection.execute(
        update(Session).where(Session.id == session_id, Session.status == "running")
        .values(status="ended", end_reason=reason, ended_at=ended_at)
    )


def put_losses(connection: Connection, session_id: str, alerts: int, figures: int) -> None:
    connection.execute(
        update(Session).where(Session.id == session_id)
        .values(alerts_lost=Session.alerts_lost + alerts, figures_lost=Session.figures_lost + figures)
    )


def interrupt_abandoned(connection: Connection) -> list[str]:
    """Close the sessions a killed server left running; their end is the last thing known of them.

    Returns their ids. One server process owns the database's running sessions, so this runs at its start only.
    """
    abandoned = connection.execute(select(Session.id, Session.started_at).where(Session.status == "running")).all()
    for session_id, started_at in abandoned:
        last_figure = connection.scalar(select(func.max(Figure.at)).where(Figure.session_id == session_id))
        last_alert = connection.scalar(select(func.max(Alert.decided_at)).where(Alert.session_id == session_id))
        known = [moment for moment in (last_figure, last_alert) if moment is not None]
        ended_at = min(max(known, default=started_at), utc_now())
        connection.execute(
            update(Session).where(Session.id == session_id).values(
                status="interrupted", end_reason="server_killed", ended_at=ended_at,
            )
        )
    return [session_id for session_id, _ in abandoned]
