"""Rendered walks with exact ground truth: a built-in source, training data and test scenarios.

    spec = parse_spec("scene:corridor?seed=1&fps=10&seconds=60&size=640x480")
    renderer = SceneRenderer(spec)
    frame = renderer.frame(42, depth=True)   # rgb, time_s, truth, depth

``python -m maxsight_core.scenes SPEC --out DIR_OR_MP4`` writes frames and truth. See docs/scenes.md.
"""

from maxsight_core.scenes.jpeg import light_jpeg
from maxsight_core.scenes.renderer import RenderedFrame, SceneRenderer
from maxsight_core.scenes.sounds import SoundTruth
from maxsight_core.scenes.spec import LIGHTS, SCENE_NAMES, SceneError, SceneSpec, parse_spec
from maxsight_core.scenes.truth import CameraTruth, ObjectTruth, SceneTruth
from maxsight_core.scenes.unnamed import PAINTED_UNNAMED

__all__ = ["LIGHTS", "PAINTED_UNNAMED", "SCENE_NAMES", "CameraTruth", "ObjectTruth", "RenderedFrame", "SceneError",
           "SceneRenderer", "SceneSpec", "SceneTruth", "SoundTruth", "light_jpeg", "parse_spec"]
