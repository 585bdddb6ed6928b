"""Scene names to worlds."""

from __future__ import annotations

import importlib

from maxsight_core.scenes.spec import SCENE_NAMES, SceneError, SceneSpec
from maxsight_core.scenes.world import World


def build_world(spec: SceneSpec) -> World:
    """The world of a specification, built by the module of the scene's name; a SceneError names what is known."""
    if spec.scene not in SCENE_NAMES:
        raise SceneError(f"scene: expected one of {', '.join(SCENE_NAMES)}; got {spec.scene!r}")
    return importlib.import_module(f"maxsight_core.scenes.{spec.scene}").build(spec)
