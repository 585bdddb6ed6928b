"""The measured estimators of Stage B and lane C, in the order in which they need one another.

Each one is a slice: a waiting safety frame starts when the slice that runs has ended.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from maxsight_core.contracts import SceneView, Value
from maxsight_core.perception import (
    colours,
    consistency,
    contrast,
    depth,
    description,
    distance,
    edges,
    field_priority,
    findability,
    glare,
    navigation,
    ocr,
    path_guidance,
    pedestrians,
    personalization,
    prediction,
    scene_graph,
    spatial_memory,
)


class Estimator(NamedTuple):
    """One slice: its name in timings, the outputs it covers, and the function that measures them."""

    name: str
    outputs: tuple[str, ...]
    estimate: Callable[[SceneView], dict[str, Value]]


def _of(module) -> Estimator:
    return Estimator(module.__name__.rpartition(".")[2], module.OUTPUTS, module.estimate)


STAGE_B: tuple[Estimator, ...] = tuple(map(_of, (
    # First what a walker needs, in case Stage B is cut short; then what reads the earlier ones.
    distance, path_guidance, depth, pedestrians, prediction, consistency,
    contrast, edges, glare, colours, field_priority,
    findability,        # reads contrast_map
    navigation,         # reads path_guidance
    spatial_memory,
    scene_graph,        # reads pedestrians and, when the engine supplies it, ocr
    description,        # reads everything before it
    personalization,
)))

LANE_C: tuple[Estimator, ...] = (_of(ocr),)
"""Background work measured here. Sound and retrieval are declared unavailable by the engine."""
