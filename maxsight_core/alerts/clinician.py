"""The clinician's view of the decisions: every candidate with its fate and the reason, in plain clinical words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from maxsight_core.alerts.catalogue import say
from maxsight_core.alerts.ledger import reason_code
from maxsight_core.contracts import AlertDecision

FATE_WORDS: dict[str, str] = {
    "pending": "waiting", "spoken": "spoken", "haptic_only": "felt, not spoken", "suppressed": "not said",
    "expired": "too late, not said", "interrupted": "cut short", "masked": "masked (silent mode)",
}


def view(decisions: Iterable[AlertDecision]) -> tuple[dict[str, Any], ...]:
    """All rows, as the ledger holds them, with ``fate_word``, ``stage_word``, ``rule`` and ``why``."""
    return tuple(_of(decision) for decision in decisions)


def _of(decision: AlertDecision) -> dict[str, Any]:
    _, _, why = decision.reason.partition(":")
    return {**decision.to_json(), "stage_word": say(f"stage.{decision.stage}"),
            "fate_word": FATE_WORDS[decision.fate], "rule": reason_code(decision), "why": why.strip()}
