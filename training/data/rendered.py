"""Rendered walks as samples: exact boxes, zones, urgency, distances, and depth and flow when asked for.

Seed, moment, light, fog, noise and field of view are drawn from a frame's number, so that a data set of any size is the
same on every machine.
"""

from __future__ import annotations

from collections import OrderedDict

import numpy as np

from maxsight_core import taxonomy
from maxsight_core.scenes import LIGHTS, PAINTED_UNNAMED, SceneRenderer, SceneSpec
from training.data.sample import ZONES, ClassTable, Sample

FRAMES_PER_WORLD = 25
"""Building a world costs as much as rendering several frames of it."""
WORLDS_KEPT = 4
SIZE_PX = (480, 360)
LIGHT_SHARES = (0.55, 0.2, 0.15, 0.1)
"""Of day, dim, night, glare."""
LEAST_VISIBLE_SHARE = 0.3
LEAST_SIDE = 0.012
"""Of the picture's width: smaller boxes are ignored, as people label photographs."""
NAMED_AS: dict[str, str] = {
    "double door": "door", "stairs up": "stairs", "stairs down": "stairs", "runner": "person", "child": "person",
    "van": "car", "taxi": "car", "armchair": "chair", "door knob": "door handle", "pedestrian signal": "traffic light",
}
"""Kinds that the renderer tells apart and photographs' labels do not: rendered name to trained name."""
NEITHER = frozenset({"cyclist", "motorcyclist", "wheelchair user"})
"""A person and what carries them in one box: ignored where either is trained."""


class RenderedFrames:
    """A map-style data set.

    Args:
        scenes: names of scenes, taken in turn. frames: how many. classes: columns. first_seed: number of the first
            world.
        depth, flow: also give these maps. size_px: width and height.
    """

    name = "rendered"
    made_together = FRAMES_PER_WORLD

    def __init__(
        self, scenes: tuple[str, ...], frames: int, classes: ClassTable, *, first_seed: int = 1, depth: bool = False,
        flow: bool = False, size_px: tuple[int, int] = SIZE_PX,
    ) -> None:
        self.scenes, self.frames, self.classes, self.first_seed = tuple(scenes), frames, classes, first_seed
        self.depth, self.flow, self.size_px = depth, flow, size_px
        self._worlds: OrderedDict[int, SceneRenderer] = OrderedDict()
        by_id = classes.columns()
        self._columns = {info.id: by_id.get(taxonomy.by_name(NAMED_AS.get(info.name, info.name)).id)
                         for info in taxonomy.CLASSES}

    def labelled_in(self, scene: str) -> np.ndarray:
        """What is not drawn is not there: every class is labelled, but those that are also painted without a box."""
        mask = np.ones(self.classes.count, bool)
        for name in PAINTED_UNNAMED[scene]:
            column = self._columns[taxonomy.by_name(name).id]
            if column is not None:
                mask[column] = False
        return mask

    def __len__(self) -> int:
        return self.frames

    def source(self, index: int) -> str:
        """``rendered/scene:street?seed=.../frame`` of a sample."""
        spec, frame = self._place(index)
        return f"rendered/{spec}#{frame}"

    def columns_of(self, index: int) -> np.ndarray:
        """Not known without rendering: none."""
        return np.zeros(0, np.int64)

    def _place(self, index: int) -> tuple[SceneSpec, int]:
        world, frame = divmod(index, FRAMES_PER_WORLD)
        seed = self.first_seed + world
        rng = np.random.default_rng((seed, 77))
        spec = SceneSpec(
            scene=self.scenes[world % len(self.scenes)], seed=seed, fps=1.0, seconds=float(FRAMES_PER_WORLD * 2),
            width=self.size_px[0], height=self.size_px[1], light=str(rng.choice(LIGHTS, p=LIGHT_SHARES)),
            noise=float(rng.choice((0.0, 0.02, 0.05))), fog=float(rng.choice((0.0, 0.0, 0.0, 0.3))),
            rain=float(rng.choice((0.0, 0.0, 0.0, 0.5))), blur=0.0, shake=1.0, hfov=float(rng.uniform(55.0, 80.0)))
        return spec, 2 * frame

    def __getitem__(self, index: int) -> Sample:
        """One rendered frame; IndexError outside the set."""
        if not 0 <= index < self.frames:
            raise IndexError(f"rendered frame {index}: the set has {self.frames}")
        spec, number = self._place(index)
        renderer = self._world(index // FRAMES_PER_WORLD, spec)
        frame = renderer.frame(min(number, len(renderer) - 1), depth=self.depth, flow=self.flow)
        boxes, columns, zones, distances, ignored = [], [], [], [], []
        for thing in frame.truth.objects:
            column = self._columns.get(thing.class_id)
            if thing.class_name in NEITHER:
                ignored.append(thing.box_cxcywh)
            if column is None or thing.class_name in NEITHER:
                continue
            if thing.visible_share < LEAST_VISIBLE_SHARE or min(thing.box_cxcywh[2:]) < LEAST_SIDE:
                ignored.append(thing.box_cxcywh)
                continue
            boxes.append(thing.box_cxcywh)
            columns.append(column)
            zones.append(ZONES.index(thing.zone))
            distances.append(thing.distance_m)
        return Sample(
            image=frame.rgb.copy(), boxes=_array(boxes), columns=np.array(columns, np.int64),
            zones=np.array(zones, np.int64), labelled=self.labelled_in(spec.scene), ignored=_array(ignored),
            urgency=int(frame.truth.urgency), distances_m=np.array(distances, np.float32),
            depth_m=frame.depth, flow_px=frame.flow, source=self.source(index)).check()

    def _world(self, number: int, spec: SceneSpec) -> SceneRenderer:
        if number not in self._worlds:
            self._worlds[number] = SceneRenderer(spec)
            while len(self._worlds) > WORLDS_KEPT:
                self._worlds.popitem(last=False)
        self._worlds.move_to_end(number)
        return self._worlds[number]


def _array(boxes: list[tuple[float, float, float, float]]) -> np.ndarray:
    return np.array(boxes, np.float32).reshape(-1, 4)
