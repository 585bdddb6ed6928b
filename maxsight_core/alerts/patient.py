"""The patient's view of the decisions: only what is delivered, in calm words, without internals."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from maxsight_core.alerts.catalogue import say
from maxsight_core.alerts.earcons import pan
from maxsight_core.contracts import AlertDecision

WITHHELD = ("reason", "source", "track_id")
"""Fields for those who judge the system; they would only be noise to the person who uses it."""


def view(decisions: Iterable[AlertDecision]) -> tuple[dict[str, Any], ...]:
    """What the patient's browser gets, most urgent first as decided: spoken and felt alerts, nothing else.

    Each is the decision's JSON form without :data:`WITHHELD`, with ``stage_word`` ("Soon"), ``earcon_pan``
    (-1 left .. 1 right) and ``speak`` (False: felt only).
    """
    return tuple(_of(decision) for decision in decisions if decision.delivered and not _said_by_browser(decision))


def _said_by_browser(decision: AlertDecision) -> bool:
    return decision.reason.startswith("browser:")


def _of(decision: AlertDecision) -> dict[str, Any]:
    body = {key: value for key, value in decision.to_json().items() if key not in WITHHELD}
    return {**body, "stage_word": say(f"stage.{decision.stage}"), "earcon_pan": pan(decision.bearing_deg),
            "speak": decision.fate == "spoken"}
