"""The whole view closing in: a wall straight ahead leaves no background that it could grow faster than."""

from __future__ import annotations

import math

from maxsight_core.contracts import EgoMotion
from maxsight_core.perception.time_to_contact import Contact, ScaleSample, from_scales

MAX_TIME_S = 2.5  # a whole picture that grows this fast is a wall at walking pace; no distant scene can
MIN_SPAN_S = 0.45
MIN_INLIERS = 0.6  # share of the points that grow together
WINDOW_S = 1.2
ZOOM_SD = 0.002  # standard error of the global zoom's logarithm over one interval


class WholeView:
    """Watches the zoom of the whole picture. A distant scene stays silent, however long it grows slowly."""

    def __init__(self) -> None:
        self._samples: list[ScaleSample] = []

    def reset(self) -> None:
        self._samples = []

    def update(self, ego: EgoMotion, now_s: float) -> Contact | None:
        """Contact with what fills the view, or None while there is none under 2.5 s."""
        if ego.inlier_fraction < MIN_INLIERS or ego.zoom <= 1.0:
            self.reset()
            return None
        self._samples = [s for s in self._samples if s.then_s >= now_s - WINDOW_S]
        self._samples.append(ScaleSample(now_s - ego.dt_s, now_s, math.log(ego.zoom), ZOOM_SD))
        contact = from_scales(self._samples, now_s)
        if contact is None or not contact.significant or contact.span_s < MIN_SPAN_S:
            return None
        return contact if contact.seconds is not None and contact.seconds < MAX_TIME_S else None
