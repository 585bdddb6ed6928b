"""The description's hyperparameters by tier: what a configuration means where it says nothing itself."""

from __future__ import annotations

LEARNING_RATE: dict[str, float] = {"T0": 1.5e-3, "T1": 1.2e-4, "T2": 8.0e-5, "T3": 9.0e-5, "T4": 8.0e-5, "T5": 7.5e-5}
"""Peak of AdamW. 7.5e-5 suits 300 M parameters at an effective batch of 32: stacked attention and gradients through
time make 1e-4 slightly too hot."""
BATCH_SIZE: dict[str, int] = {"T0": 16, "T1": 16, "T2": 8, "T3": 8, "T4": 4, "T5": 4}
WARMUP_EPOCHS: dict[str, float] = {"T0": 5.0, "T1": 5.0, "T2": 10.0, "T3": 10.0, "T4": 10.0, "T5": 20.0}
"""T5's is long so that task balancing and temporal attention settle before the rate is high."""
