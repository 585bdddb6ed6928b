"""Scene names to worlds."""

from __future__ import annotations

from maxsight_core.scenes.spec import SceneError, SceneSpec
from maxsight_core.scenes.world import World


def build_world(spec: SceneSpec) -> World:
    """The world of a specification; a SceneError names what is known."""
    from maxsight_core.scenes import corridor, street

    builders = {"corridor": corridor.build, "street": street.build}
    if spec.scene not in builders:
        raise SceneError(f"scene: expected one of {', '.join(builders)}; got {spec.scene!r}")
    return builders[spec.scene](spec)
