"""Everything about the engine that can be set, in one place, typed, with its unit in its name."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path

from maxsight_core.engine.decision import DecisionThresholds
from maxsight_core.models.tiers import tier

INSTANCE = Path(__file__).resolve().parents[2] / "instance"
"""Folder of everything a running server writes: database, secret key, weights, compiled models."""


class ConfigError(ValueError):
    """A setting has a value the engine cannot use; the message names the setting and what is expected."""


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """Settings of one engine.

    Args:
        checkpoint: weights to use, or None for the order of docs/weights.md.
        grid: ``fused`` | ``pyramid``, or None for what the weights were made for.
        tier: capability tier by any of its names, or None for that of the checkpoint (T0 without one).
        runtime: ``auto`` | ``openvino`` | ``torch``. precision: ``auto`` | ``f32`` | ``bf16`` | ``int8``.
        threads: CPU threads of the network's runtime, or None for all cores.
        run_untrained: run a network although no head of it is trained. Its numbers are withheld
            either way; running it keeps timings and the decision point true to the product.
        thresholds: when Stage B is skipped.
        max_sessions: how many sessions may be open at once.
        text_interval_s: least time between two readings of text, on the frame clock.
        gap_reset_s: a gap longer than this between two frames resets motion and tracks.
        stall_s: a frame (lane A) or a slice (lane B) in work longer than this means the lane hangs; it is replaced.
        batch_max: frames of different sessions that lane A gives to the network at once; None: eight on a GPU, one on
            a CPU, which gains nothing from more.
        batch_gather_s: how long lane A waits for further sessions' frames once it has one, when it may batch.
        retrieval_index: folder of a scene index (docs of ``maxsight_core.retrieval``), or None for no retrieval.
        cache_dir: compiled models, or None for no cache.
    """

    checkpoint: Path | None = None
    grid: str | None = None
    tier: str | None = None
    runtime: str = "auto"
    precision: str = "auto"
    threads: int | None = None
    run_untrained: bool = True
    thresholds: DecisionThresholds = field(default_factory=DecisionThresholds)
    max_sessions: int = 48
    text_interval_s: float = 3.0
    gap_reset_s: float = 1.0
    stall_s: float = 5.0
    batch_max: int | None = None
    batch_gather_s: float = 0.005
    retrieval_index: Path | None = None
    cache_dir: Path | None = None

    @classmethod
    def from_environment(cls, environ: dict[str, str] | None = None) -> EngineConfig:
        """Read the ``MAXSIGHT_*`` variables of docs/settings.md.

        Raises:
            ConfigError: a variable holds something that cannot be used.
        """
        env = os.environ if environ is None else environ
        config = cls(
            checkpoint=Path(env["MAXSIGHT_CHECKPOINT_PATH"]) if env.get("MAXSIGHT_CHECKPOINT_PATH") else None,
            grid=env.get("MAXSIGHT_GRID") or None,
            tier=_tier(env),
            runtime=env.get("MAXSIGHT_RUNTIME", "auto"),
            precision=env.get("MAXSIGHT_PRECISION", "auto"),
            threads=_whole(env, "MAXSIGHT_ENGINE_THREADS"),
            run_untrained=env.get("MAXSIGHT_RUN_UNTRAINED", "1") not in ("0", "false", "no"),
            batch_max=_whole(env, "MAXSIGHT_BATCH_MAX"),
            retrieval_index=Path(env["MAXSIGHT_RETRIEVAL_INDEX"]) if env.get("MAXSIGHT_RETRIEVAL_INDEX") else None,
            cache_dir=Path(env.get("MAXSIGHT_CACHE_DIR") or _instance(env) / "cache"),
        )
        sessions = _whole(env, "MAXSIGHT_MAX_SESSIONS")
        if sessions is not None:
            config = replace(config, max_sessions=sessions)
        latency, uncertainty = _number(env, "MAXSIGHT_STAGE_B_LATENCY_MS"), _number(env, "MAXSIGHT_STAGE_B_UNCERTAINTY")
        defaults = config.thresholds
        return replace(config, thresholds=DecisionThresholds(
            stage_a_ms=defaults.stage_a_ms if latency is None else latency,
            uncertainty=defaults.uncertainty if uncertainty is None else uncertainty,
        ))


def _instance(env) -> Path:
    return Path(env.get("MAXSIGHT_INSTANCE_DIR") or INSTANCE)


def _tier(env) -> str | None:
    text = env.get("MAXSIGHT_TIER")
    if not text:
        return None
    try:
        return tier(text).key
    except ValueError as error:
        raise ConfigError(f"MAXSIGHT_TIER: {error}") from None


def _number(env, name: str) -> float | None:
    text = env.get(name)
    if not text:
        return None
    try:
        return float(text)
    except ValueError:
        raise ConfigError(f"{name}: expected a number; got {text!r}") from None


def _whole(env, name: str) -> int | None:
    text = env.get(name)
    if not text:
        return None
    if not text.isdigit() or int(text) < 1:
        raise ConfigError(f"{name}: expected a whole number of at least 1; got {text!r}")
    return int(text)
