"""The developer's view: every decision unfiltered, each candidate's row, and the scheduler's whole memory."""

from __future__ import annotations

from typing import Any

from maxsight_core.alerts.codec import encode
from maxsight_core.alerts.scheduler import Outcome


def view(outcome: Outcome) -> dict[str, Any]:
    """``{"decisions", "candidates": [{..., "alert_id"}], "state"}``: nothing left out, nothing rounded."""
    return {
        "decisions": [encode(decision) for decision in outcome.decisions],
        "candidates": [{**encode(candidate), "alert_id": alert_id} for candidate, alert_id in outcome.assigned],
        "state": encode(outcome.state),
    }
