"""The manifest of a checkpoint: what a set of weights is and what it has learned. No torch, no files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from maxsight_core.engine.detect import FITS
from maxsight_core.engine.score_rule import ScoreRule
from maxsight_core.models import words
from maxsight_core.models.contract import COCO_COLUMNS, CONTRACT
from maxsight_core.models.grid import DEFAULT_INPUT_PX, GRIDS, INPUT_MULTIPLE_PX
from maxsight_core.models.tiers import TIERS

MANIFEST_FORMAT = 1
DETECTIONS = "detections"
"""Name of the detections' scores among the temperatures."""
DEFAULT_FIT: dict[str, str] = {"fused": "stretch", "pyramid": "letterbox"}
_SHA256 = re.compile(r"[0-9a-f]{64}")


class CheckpointError(ValueError):
    """A file is no usable checkpoint; the message says what was expected, what arrived and what to do."""


@dataclass(frozen=True, slots=True)
class CheckpointManifest:
    """What a set of weights is.

    Args:
        tier: capability tier, ``T0``..``T5``. grid: ``fused`` | ``pyramid``.
        classes: taxonomy id of every column of the classifier; column 0 is background.
        trained_heads: outputs that were trained: Stage A's (``CONTRACT``) and those of the tier's Stage B heads. An
            output not named here is never shown as learned.
        data: what it was trained on, one line. metrics: name -> figure, as evaluated.
        git_revision: of the training code.
        sha256: of the weights (:func:`weights_sha256`); empty only while nothing was saved yet.
        input_size_px: side of the square input. fit: how a frame is made square (``maxsight_core.engine.detect``).
        words_digest: which words the numbers of a learned scene description stand for; empty where it is not known.
        temperatures: output -> what its logits are divided by before they are shown as probabilities (Guo et al. 2017);
            ``detections`` is that of the detections' scores. Outputs that are not named are shown as they are.
        score_thresholds: taxonomy id -> least score, after the temperature, with which a detection of that class is
            reported. Empty: every class, at the grid's customary threshold. Otherwise a class that is not named is
            never reported: its evaluation did not earn it.

    Raises:
        CheckpointError: a field has another type or value.
    """

    tier: str
    grid: str
    classes: tuple[int, ...]
    trained_heads: frozenset[str]
    data: str
    metrics: dict[str, float] = field(default_factory=dict)
    git_revision: str = ""
    sha256: str = ""
    input_size_px: int = 0
    fit: str = ""
    words_digest: str = ""
    temperatures: dict[str, float] = field(default_factory=dict)
    score_thresholds: dict[int, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _expect(self.grid in GRIDS, "grid", f"one of {', '.join(GRIDS)}", self.grid)
        for name, default in (("input_size_px", DEFAULT_INPUT_PX[self.grid]), ("fit", DEFAULT_FIT[self.grid])):
            if not getattr(self, name):
                object.__setattr__(self, name, default)
        _expect(self.tier in TIERS, "tier", f"one of {', '.join(TIERS)}", self.tier)
        _expect(len(self.classes) >= 2 and all(isinstance(c, int) and c >= 0 for c in self.classes),
                "classes", "at least two taxonomy ids, whole numbers from 0", self.classes)
        known = (*CONTRACT, *stage_b_outputs(self.tier))
        unknown = self.trained_heads - frozenset(known)
        _expect(not unknown, "trained_heads", f"outputs of {self.tier}, which are {', '.join(known)}", sorted(unknown))
        _expect(self.sha256 == "" or bool(_SHA256.fullmatch(self.sha256)), "sha256", "64 hexadecimal digits",
                self.sha256)
        _expect(isinstance(self.input_size_px, int) and self.input_size_px >= INPUT_MULTIPLE_PX
                and self.input_size_px % INPUT_MULTIPLE_PX == 0,
                "input_size_px", f"a multiple of {INPUT_MULTIPLE_PX}", self.input_size_px)
        _expect(self.fit in FITS, "fit", " or ".join(FITS), self.fit)
        _expect(all(isinstance(k, str) and isinstance(v, (int, float)) for k, v in self.metrics.items()),
                "metrics", "names with numbers", self.metrics)
        _check_words(self.words_digest, self.tier)
        able = self.trained_heads | {DETECTIONS}
        _expect(all(name in able and _is_number(value) and value > 0 for name, value in self.temperatures.items()),
                "temperatures", f"positive numbers of {', '.join(sorted(able))}", self.temperatures)
        _expect(all(number in self.classes[1:] and _is_number(value) and 0 < value < 1
                    for number, value in self.score_thresholds.items()),
                "score_thresholds", "numbers between 0 and 1, by taxonomy ids among classes", self.score_thresholds)

    @property
    def score_rule(self) -> ScoreRule:
        """What of the detections is reported, and with which score."""
        return ScoreRule(self.temperatures.get(DETECTIONS, 1.0), self.score_thresholds or None)

    @property
    def trained_in_stage_b(self) -> frozenset[str]:
        """Those of ``trained_heads`` that Stage B answers."""
        return self.trained_heads & frozenset(stage_b_outputs(self.tier))

    def is_learned(self, output: str) -> bool:
        """True when ``output`` came out of training and may be shown as ``learned``."""
        return output in self.trained_heads

    def to_json(self) -> dict[str, Any]:
        body = {
            "format": MANIFEST_FORMAT, "tier": self.tier, "grid": self.grid, "classes": list(self.classes),
            "trained_heads": sorted(self.trained_heads), "data": self.data, "metrics": dict(self.metrics),
            "git_revision": self.git_revision, "sha256": self.sha256, "input_size_px": self.input_size_px,
            "fit": self.fit,
        }
        if self.words_digest:
            body["words_digest"] = self.words_digest
        if self.temperatures:
            body["temperatures"] = dict(sorted(self.temperatures.items()))
        if self.score_thresholds:  # JSON's names are texts
            body["score_thresholds"] = {str(number): least for number, least in sorted(self.score_thresholds.items())}
        return body

    @classmethod
    def from_json(cls, body: Any) -> CheckpointManifest:
        """The manifest that ``to_json`` gave; CheckpointError names the field that is missing or wrong."""
        if not isinstance(body, Mapping):
            raise CheckpointError(f"manifest: expected a JSON object; got {type(body).__name__}")
        if body.get("format") != MANIFEST_FORMAT:
            raise CheckpointError(f"manifest: expected format {MANIFEST_FORMAT}; got {body.get('format')!r}. "
                                  "It was written by another version: save the checkpoint again with this one")
        kinds = {"tier": str, "grid": str, "classes": list, "trained_heads": list, "data": str, "metrics": dict,
                 "git_revision": str, "sha256": str, "input_size_px": int, "fit": str}
        for name, kind in kinds.items():
            if not isinstance(body.get(name), kind):
                raise CheckpointError(f"manifest: {name} must be a {kind.__name__}; got {body.get(name)!r}")
        if not all(isinstance(head, str) for head in body["trained_heads"]):
            raise CheckpointError(f"manifest: trained_heads must be names; got {body['trained_heads']!r}")
        values = {name: body[name] for name in kinds} | {
            "words_digest": body.get("words_digest", ""), "temperatures": body.get("temperatures", {}),
            "score_thresholds": _by_id(body.get("score_thresholds", {}))}
        if not isinstance(values["temperatures"], dict):
            raise CheckpointError(f"manifest: temperatures must be a dict; got {values['temperatures']!r}")
        return cls(**{**values, "classes": tuple(body["classes"]), "trained_heads": frozenset(body["trained_heads"])})


def stage_b_outputs(tier: str) -> tuple[str, ...]:
    """Names of the registry's outputs that the heads of a tier's Stage B answer; none in T0."""
    return tuple(output for head in TIERS[tier].heads for output in head.outputs)


def words_digest_of(tier: str) -> str:
    """What a checkpoint of this tier must carry as ``words_digest``; empty when the tier describes no scene."""
    describes = "scene_description" in stage_b_outputs(tier)
    return getattr(words, "WORDS_DIGEST", "") if describes else ""


def _by_id(thresholds: Any) -> dict[int, float]:
    if not isinstance(thresholds, Mapping) or not all(str(number).isdecimal() for number in thresholds):
        raise CheckpointError(f"manifest: score_thresholds must be scores by taxonomy id; got {thresholds!r}")
    return {int(number): least for number, least in thresholds.items()}


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _check_words(digest: Any, tier: str) -> None:
    wanted = words_digest_of(tier)
    if digest != "" and wanted:
        _expect(digest == wanted, "words_digest",
                f"{wanted}, that of this version's words (train the scene description again)", digest)
    _expect(isinstance(digest, str), "words_digest", "text", digest)


def coco_classes() -> tuple[int, ...]:
    """Background and COCO's ids 1..90: what a 91-column classifier means by its columns."""
    return tuple(range(COCO_COLUMNS))


def _expect(ok: bool, name: str, expected: str, got: object) -> None:
    if not ok:
        raise CheckpointError(f"manifest: {name} must be {expected}; got {got!r}")
