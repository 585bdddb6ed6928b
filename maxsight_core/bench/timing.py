"""Paired timing: variants are run in alternation in one process, so that a noisy machine treats them alike."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np


def percentiles(samples_ms: list[float]) -> dict[str, float]:
    """p50, p95, p99 of a list of times, ms; empty when there is none."""
    if not samples_ms:
        return {}
    p50, p95, p99 = np.percentile(np.asarray(samples_ms), (50, 95, 99))
    return {"p50": round(float(p50), 2), "p95": round(float(p95), 2), "p99": round(float(p99), 2)}


def alternate(variants: dict[str, Callable[[], object]], iterations: int, warm_up: int = 5) -> dict[str, list[float]]:
    """Time each variant ``iterations`` times, A B A B ..., after ``warm_up`` untimed rounds; ms."""
    samples: dict[str, list[float]] = {name: [] for name in variants}
    for round_number in range(warm_up + iterations):
        for name, run in variants.items():
            started = time.perf_counter()
            run()
            if round_number >= warm_up:
                samples[name].append((time.perf_counter() - started) * 1000.0)
    return samples
