"""OpenVINO on this machine's CPU: what it offers, and how both stages are compiled for it."""

from __future__ import annotations

import openvino as ov

from maxsight_core.engine.runtimes import graph_cache
from maxsight_core.engine.runtimes.base import RuntimeUnavailableError


def offered_precisions(core: ov.Core | None = None) -> tuple[str, ...]:
    """Precisions this CPU multiplies natively."""
    capabilities = (core or ov.Core()).get_property(graph_cache.DEVICE, "OPTIMIZATION_CAPABILITIES")
    return ("f32", "bf16") if "BF16" in capabilities else ("f32",)


def chosen_precision(core: ov.Core, wanted: str) -> str:
    """``wanted``, or the quickest floating point for ``auto``; RuntimeUnavailableError names what this CPU offers."""
    offered = offered_precisions(core)
    if wanted == "auto":
        return offered[-1]
    if wanted not in offered:
        raise RuntimeUnavailableError(f"precision: OpenVINO on this CPU offers {', '.join(offered)}; got {wanted!r}")
    return wanted


def properties(precision: str, threads: int | None) -> dict[str, object]:
    """One stream, tuned for latency: a safety frame is answered before another is begun."""
    chosen: dict[str, object] = {
        "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": "1", "INFERENCE_PRECISION_HINT": precision,
    }
    if threads is not None:
        chosen["INFERENCE_NUM_THREADS"] = threads
    return chosen
