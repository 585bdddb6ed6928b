"""Alerts: what is said, when, and when to stay silent. Pure functions on the frame clock; docs/alerts.md."""

from maxsight_core.alerts.events import on_delivery, on_notice, on_request
from maxsight_core.alerts.inputs import AlertInputs, Candidate, ContextItem
from maxsight_core.alerts.ledger import Ledger
from maxsight_core.alerts.policy import DEFAULT_POLICY, AlertPolicy
from maxsight_core.alerts.scheduler import decide, decide_context, decide_traced, finish
from maxsight_core.alerts.state import AlertState

__all__ = [
    "DEFAULT_POLICY", "AlertInputs", "AlertPolicy", "AlertState", "Candidate", "ContextItem", "Ledger", "decide",
    "decide_context", "decide_traced", "finish", "on_delivery", "on_notice", "on_request",
]
