"""The output registry: the only list of what MaxSight can tell. Everything else reads it.

The engine fills exactly these names, the Dev inspector, the command line and ``docs/outputs.md`` are
generated from them. Standard library only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Cadence = Literal["frame", "stage_b", "background"]


@dataclass(frozen=True, slots=True)
class OutputSpec:
    """One declared output.

    Args:
        number: its number in the output contract. name: its only name.
        tier: 1 safety, 2 navigation and context, 3 enhancement; 0 for bookkeeping.
        stage: ``A`` (every frame), ``B`` (when there is time), ``C`` (background), ``-`` (bookkeeping).
        shape: tensor shape or schema. unit, low, high: what the numbers mean (None: not a number).
        cadence: how often it is produced.
        learned_by: head or module that can learn it, or None. measured_by: estimator module, or None.
    """

    number: int
    name: str
    tier: int
    stage: str
    shape: str
    unit: str | None
    low: float | None
    high: float | None
    cadence: Cadence
    learned_by: str | None
    measured_by: str | None


def _spec(number, name, tier, stage, shape, unit=None, low=None, high=None, learned=None, measured=None) -> OutputSpec:
    cadence: Cadence = {"A": "frame", "-": "frame", "B": "stage_b", "C": "background"}[stage]
    return OutputSpec(number, name, tier, stage, shape, unit, low, high, cadence, learned, measured)


REGISTRY: tuple[OutputSpec, ...] = (
    _spec(1, "objectness", 1, "A", "[B, HW]", "probability", 0, 1, learned="heads.objectness"),
    _spec(2, "classification", 1, "A", "[B, HW, 91]", "probability", 0, 1, learned="heads.classification"),
    _spec(3, "boxes", 1, "A", "[B, HW, 4] cxcywh", "fraction of the frame", 0, 1, learned="heads.boxes"),
    _spec(4, "distance_zones", 1, "A", "[B, HW, 3] or per detection near/medium/far", "zone", None, None,
          learned="heads.distance_zones", measured="perception.distance"),
    _spec(5, "urgency", 1, "A", "[B, 4] safe/caution/warning/danger", "probability", 0, 1,
          learned="heads.urgency", measured="perception.urgency"),
    _spec(6, "uncertainty", 1, "A", "[B, 1]", "fraction", 0, 1,
          learned="heads.uncertainty", measured="perception.frame_quality"),
    _spec(7, "detections", 1, "A", "list of detections", None, learned="decode + NMS + tracker",
          measured="perception.motion (something approaching)"),
    _spec(8, "scene_embedding", 1, "A", "[B, 256]", "activation", learned="backbone"),
    _spec(9, "depth_map", 2, "B", "[B, H, W]", "m", 0, 100, learned="heads.depth", measured="perception.depth"),
    _spec(10, "depth_uncertainty", 2, "B", "[B, H, W]", "m", 0, 100,
          learned="heads.depth", measured="perception.depth"),
    _spec(11, "precise_distances", 2, "B", "[B, K] per detection", "m", 0, 100,
          learned="heads.precise_distance", measured="perception.distance"),
    _spec(12, "precise_distance_uncertainty", 2, "B", "[B, K] per detection", "m", 0, 100,
          learned="heads.precise_distance", measured="perception.distance"),
    _spec(13, "motion_flow", 2, "A", "[B, 2, H, W]", "px/frame", learned="heads.motion", measured="perception.motion"),
    _spec(14, "motion_magnitude", 2, "A", "[B, H, W]", "px/frame", 0, None,
          learned="heads.motion", measured="perception.motion"),
    _spec(15, "motion_direction", 2, "A", "[B, H, W]", "rad", -3.1416, 3.1416,
          learned="heads.motion", measured="perception.motion"),
    _spec(16, "temporal_consistency", 2, "B", "[B, 1]", "fraction", 0, 1,
          learned="heads.temporal_consistency", measured="perception.consistency"),
    _spec(17, "therapy_state", 2, "B", "{fatigue, depth_focus, contrast}", None,
          learned="heads.therapy_state", measured="perception.contrast (contrast part)"),
    _spec(18, "contrast_map", 2, "B", "[B, H, W]", "RMS contrast", 0, None,
          learned="heads.contrast", measured="perception.contrast"),
    _spec(19, "contrast_sensitivity", 2, "B", "[B]", "share of detail above threshold", 0, 1,
          learned="heads.contrast", measured="perception.contrast"),
    _spec(20, "edge_map", 2, "B", "[B, H, W]", "gradient", 0, None, learned="heads.edges", measured="perception.edges"),
    _spec(21, "glare_risk", 2, "B", "[B, 4] none/low/medium/high", "level", 0, 3,
          learned="heads.glare", measured="perception.glare"),
    _spec(22, "glare_confidence", 2, "B", "[B, 1]", "fraction", 0, 1,
          learned="heads.glare", measured="perception.glare"),
    _spec(23, "findability", 2, "B", "[B, HW] and per detection", "fraction", 0, 1,
          learned="heads.findability", measured="perception.findability"),
    _spec(24, "roi_priority", 2, "B", "[B, N] per detection", "fraction", 0, 1,
          learned="heads.roi_priority", measured="perception.findability"),
    _spec(25, "navigation_difficulty", 2, "B", "[B, 1]", "fraction", 0, 1,
          learned="heads.navigation_difficulty", measured="perception.navigation"),
    _spec(26, "field_priority", 2, "B", "[B, HW] peripheral / central", "fraction", 0, 1,
          measured="perception.field_priority"),
    _spec(27, "colours", 2, "B", "dominant colours and per detection, 12 names", None,
          learned="heads.colour", measured="perception.colours"),
    _spec(28, "scene_description", 3, "B", "{brief, normal, full}", None,
          learned="heads.scene_description", measured="perception.description"),
    _spec(29, "ocr", 3, "C", "list of {text, box, confidence}", None, learned="heads.ocr", measured="perception.ocr"),
    _spec(30, "scene_graph", 3, "B", "{nodes, relations}", None,
          learned="models.scene_graph", measured="perception.scene_graph"),
    _spec(31, "sound_events", 3, "C", "list of {label, confidence}", None, learned="heads.sound_events"),
    _spec(32, "sound_direction", 3, "C", "[B, 1]", "deg", -90, 90, learned="heads.sound_events"),
    _spec(33, "sound_urgency", 3, "C", "[B, 4]", "probability", 0, 1, learned="heads.sound_events"),
    _spec(34, "personalization", 3, "B", "{preferences}", None,
          learned="heads.personalization", measured="perception.personalization"),
    _spec(35, "predictive_alerts", 3, "B", "list of {hazard, time_to_hazard_s, recommended_action}", None,
          learned="heads.predictive_alerts", measured="perception.prediction"),
    _spec(36, "retrieval", 3, "C", "{advisory, scenes, concepts}", None, learned="retrieval"),
    _spec(37, "spatial_memory", 3, "B", "list of {class, bearing_deg, age_s}", None,
          measured="perception.spatial_memory"),
    _spec(38, "path_guidance", 3, "B", "{sectors, free_bearing_deg}", None, measured="perception.path_guidance"),
    _spec(39, "timings", 0, "-", "{part: ms}", "ms", 0, None, measured="engine"),
    _spec(40, "stage_b", 0, "-", "{run, reason}", None, measured="engine.decision"),
    _spec(41, "ego_motion", 2, "A", "{dx_px, dy_px, rotation_deg, zoom, still, cut}", None,
          measured="perception.motion"),
    _spec(42, "lighting", 2, "A", "{level, mean_luma, clipped_high, clipped_low, sharpness}", None,
          measured="perception.frame_quality"),
    _spec(43, "pedestrians", 2, "B", "list of {box, score, bearing_deg}; weak: no safety claim", None,
          measured="perception.pedestrians"),
    _spec(44, "scene_motion", 2, "B", "[B, 2, H, W]; Stage A measures motion_flow in every frame", "px/frame",
          learned="heads.motion"),
)

BY_NAME: dict[str, OutputSpec] = {spec.name: spec for spec in REGISTRY}
NAMES: tuple[str, ...] = tuple(spec.name for spec in REGISTRY)

if len(BY_NAME) != len(REGISTRY):  # a second entry of one name would silently win
    raise RuntimeError("the output registry declares a name twice")


def spec(name: str) -> OutputSpec:
    """The declaration of ``name``; KeyError names the registry's own names."""
    try:
        return BY_NAME[name]
    except KeyError:
        raise KeyError(f"no output is called {name!r}; expected one of {', '.join(NAMES)}") from None


def markdown_table() -> str:
    """The registry as docs/outputs.md shows it: ``python -m maxsight_core.outputs > docs/outputs.md``."""
    lines = [
        "# Outputs", "",
        "Generated from the registry by `python -m maxsight_core.outputs`; a test keeps the two the same. Every value "
        "carries its source (`learned`, `measured` or `unavailable` with the reason), confidence, method and age.", "",
        "| # | output | tier | stage | shape | unit | range | learned by | measured by |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for item in REGISTRY:
        low, high = ("" if bound is None else f"{bound:g}" for bound in (item.low, item.high))
        bounds = f"{low}..{high}" if low or high else ""
        cells = (item.number, item.name, item.tier, item.stage, item.shape, item.unit or "", bounds,
                 item.learned_by or "-", item.measured_by or "-")
        lines.append("| " + " | ".join(str(cell) for cell in cells) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(markdown_table(), end="")
