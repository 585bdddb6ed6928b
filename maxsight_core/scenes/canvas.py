"""The picture being painted, back to front: colour, who owns each pixel, and inverse depth.

A painter's algorithm: what is painted later lies nearer. Every call paints the same pixels into the colour
picture, the owner buffer and (when asked for) the depth buffer, so that truth agrees with the picture.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from maxsight_core.scenes.geometry import View, inverse_depth_plane
from maxsight_core.scenes.textures import Texture

SUBPIXEL_BITS = 4
"""Fraction bits of polygon vertices: 1/16 pixel."""
OWNER_NONE = 0
_NO_PLANE = np.zeros(3)
_THINNEST_PX = 0.7
"""Thinner than this nothing is painted: it would be a flickering hair."""
OWNERS_MAX = 255
SOLID_ALPHA = 128
"""From this alpha on, a sprite's pixel belongs to the thing."""
_GUARD_PX = 4000.0  # fillConvexPoly works in 32-bit fixed point: vertices far outside are pulled in along their edges

Rect = tuple[int, int, int, int]


class Canvas:
    """Colour, owners and inverse depth of one frame.

    Attributes:
        rgb: [H, W, 3] uint8. owners: [H, W] uint8, 0 for background, else the number given by :meth:`register`.
        inverse_depth: [H, W] float32, 1/m, or None when depth was not asked for.
        extents: owner -> [x0, y0, x1, y1], continuous, the whole projected thing, unclipped by the frame.
    """

    def __init__(self, view: View, want_depth: bool) -> None:
        size = (view.height, view.width)
        self.view = view
        self.rgb = np.zeros((*size, 3), np.uint8)
        self.owners = np.zeros(size, np.uint8)
        self.inverse_depth = np.zeros(size, np.float32) if want_depth else None
        self.extents: dict[int, list[float]] = {}
        self.things: list[object] = []
        self._numbers: dict[int, int] = {}

    def register(self, thing: object | None) -> int:
        """The owner number of a thing in this frame; 0 for None and when all numbers are taken."""
        if thing is None:
            return OWNER_NONE
        number = self._numbers.get(id(thing))
        if number is None:
            if len(self.things) >= OWNERS_MAX:
                return OWNER_NONE
            self.things.append(thing)
            number = self._numbers[id(thing)] = len(self.things)
        return number

    def plane(self, origin: np.ndarray, along_u: np.ndarray, along_v: np.ndarray) -> np.ndarray:
        """Inverse-depth coefficients of a plane (zeros when nobody asked for depth)."""
        if self.inverse_depth is None:
            return _NO_PLANE
        return inverse_depth_plane(self.view, origin, along_u, along_v)

    def quad(self, outline: np.ndarray, homography: np.ndarray, texture: Texture, owner: int,
             plane: np.ndarray | None, at: tuple[float, float] | None = None) -> None:
        """A textured planar polygon.

        Args:
            outline: [N, 2] convex picture outline. homography: level-0 texture indices to picture indices.
            plane: inverse-depth coefficients (``geometry.inverse_depth_plane``), or None for a flat mark
                that leaves owner and depth as they are (a shadow, a glow).
            at: texel whose magnification chooses the texture level; the centre by default.
        """
        if owner:
            self._grow(owner, outline)
        rect = self._rect(outline)
        if rect is None:
            return
        level, scale = texture.level_for(homography, at)
        shifted = _to_patch(homography, rect, scale)
        x0, y0, x1, y1 = rect
        if texture.opaque:
            patch = cv2.warpPerspective(level, shifted, (x1 - x0, y1 - y0), flags=cv2.INTER_LINEAR,
                                        borderMode=cv2.BORDER_REPLICATE)
            mask = _fill(outline, rect)
            cv2.copyTo(patch, mask, self.rgb[y0:y1, x0:x1])
        else:
            patch = cv2.warpPerspective(level, shifted, (x1 - x0, y1 - y0), flags=cv2.INTER_LINEAR,
                                        borderMode=cv2.BORDER_CONSTANT)
            # beyond the horizon a homography maps back onto the texture: only the outline is real
            patch = cv2.copyTo(patch, _fill(outline, rect, grow=True))
            mask = self._blend(patch, rect, texture.additive)
        if plane is not None:
            self._own(mask, rect, owner, plane)

    def claim(self, outline: np.ndarray, owner: int, plane: np.ndarray) -> None:
        """Gives a polygon's pixels to an owner without painting: part of a picture that is a thing of its own."""
        self._grow(owner, outline)
        rect = self._rect(outline)
        if rect is not None:
            self._own(_fill(outline, rect), rect, owner, plane)

    def fill(self, outline: np.ndarray, colour: tuple[int, int, int], owner: int, plane: np.ndarray) -> None:
        """A flat-coloured convex polygon."""
        if owner:
            self._grow(owner, outline)
        rect = self._rect(outline)
        if rect is None:
            return
        x0, y0, x1, y1 = rect
        mask = _fill(outline, rect)
        self.rgb[y0:y1, x0:x1][mask > 0] = colour
        self._own(mask, rect, owner, plane)

    def sprite(self, texture: Texture, left: float, top: float, width: float, height: float, owner: int,
               inverse_depth: float, solid: tuple[float, float, float, float] | None) -> None:
        """An upright picture facing the camera.

        Args:
            left, top, width, height: of the whole texture, picture coordinates.
            inverse_depth: 1/m, the same all over. solid: (x0, y0, x1, y1) of its solid part, as shares of
                the texture; None for a glow, which owns nothing.
        """
        if owner and solid is not None:
            self._grow(owner, np.array([[left + solid[0] * width, top + solid[1] * height],
                                        [left + solid[2] * width, top + solid[3] * height]]))
        rect = self._rect(np.array([[left, top], [left + width, top + height]]))
        if rect is None:
            return
        level = texture.level_for_size(width)
        sx, sy = width / level.shape[1], height / level.shape[0]
        x0, y0, x1, y1 = rect
        # texture index -> continuous -> picture index inside the rectangle
        matrix = np.array([[sx, 0, left + 0.5 * sx - 0.5 - x0], [0, sy, top + 0.5 * sy - 0.5 - y0]])
        patch = cv2.warpAffine(level, matrix, (x1 - x0, y1 - y0), flags=cv2.INTER_LINEAR,
                               borderMode=cv2.BORDER_CONSTANT)
        mask = self._blend(patch, rect, texture.additive)
        if solid is not None:
            self._own(mask, rect, owner, np.array([0.0, 0.0, inverse_depth]))

    def depth(self) -> np.ndarray | None:
        """[H, W] float32 metres along the optical axis; inf where nothing was painted (sky)."""
        if self.inverse_depth is None:
            return None
        with np.errstate(divide="ignore"):
            return np.float32(1.0) / self.inverse_depth

    def _own(self, mask: np.ndarray, rect: Rect, owner: int, plane: np.ndarray) -> None:
        x0, y0, x1, y1 = rect
        solid = mask if mask.dtype == bool else mask > 0
        self.owners[y0:y1, x0:x1][solid] = owner
        if self.inverse_depth is not None:
            across = (plane[0] * (np.arange(x0, x1) + 0.5)).astype(np.float32)
            down = (plane[1] * (np.arange(y0, y1) + 0.5) + plane[2]).astype(np.float32)
            np.copyto(self.inverse_depth[y0:y1, x0:x1], np.maximum(down[:, None] + across[None], 0), where=solid)

    def _blend(self, patch: np.ndarray, rect: Rect, additive: bool) -> np.ndarray:
        """Premultiplied-alpha 'over' (Porter and Duff 1984), or plain addition of light; returns the solid mask."""
        x0, y0, x1, y1 = rect
        target = self.rgb[y0:y1, x0:x1]
        colour, alpha = patch[..., :3], np.ascontiguousarray(patch[..., 3])
        if additive:
            target[:] = cv2.add(target, np.ascontiguousarray(colour))
        else:
            keep = cv2.cvtColor(cv2.bitwise_not(alpha), cv2.COLOR_GRAY2RGB)
            target[:] = cv2.add(cv2.multiply(target, keep, scale=1 / 255.0), np.ascontiguousarray(colour))
        return alpha >= SOLID_ALPHA

    def _rect(self, outline: np.ndarray) -> Rect | None:
        xs, ys = outline[:, 0].tolist(), outline[:, 1].tolist()  # a handful of numbers: plain Python is quicker
        if max(xs) - min(xs) < _THINNEST_PX or max(ys) - min(ys) < _THINNEST_PX:
            return None
        x0, y0 = max(0, math.floor(min(xs))), max(0, math.floor(min(ys)))
        x1, y1 = min(self.view.width, math.ceil(max(xs))), min(self.view.height, math.ceil(max(ys)))
        return (x0, y0, x1, y1) if x1 > x0 and y1 > y0 else None

    def _grow(self, owner: int, points: np.ndarray) -> None:
        xs, ys = points[:, 0].tolist(), points[:, 1].tolist()
        x0, y0, x1, y1 = min(xs), min(ys), max(xs), max(ys)
        extent = self.extents.get(owner)
        if extent is None:
            self.extents[owner] = [x0, y0, x1, y1]
        else:
            extent[:] = [min(extent[0], x0), min(extent[1], y0), max(extent[2], x1), max(extent[3], y1)]


def _fill(outline: np.ndarray, rect: Rect, grow: bool = False) -> np.ndarray:
    """uint8 mask of a convex outline inside a rectangle; ``grow`` adds a pixel all round."""
    x0, y0, x1, y1 = rect
    mask = np.zeros((y1 - y0, x1 - x0), np.uint8)
    if max(map(abs, outline.ravel().tolist())) > _GUARD_PX:
        outline = _clip_to_guard(outline)
        if len(outline) < 3:
            return mask
    points = np.round((outline - (x0 + 0.5, y0 + 0.5)) * (1 << SUBPIXEL_BITS)).astype(np.int32)
    cv2.fillConvexPoly(mask, points, 255, lineType=cv2.LINE_8, shift=SUBPIXEL_BITS)
    return cv2.dilate(mask, np.ones((3, 3), np.uint8)) if grow else mask


def _clip_to_guard(outline: np.ndarray) -> np.ndarray:
    for axis in (0, 1):
        for sign in (1.0, -1.0):
            out = []
            for i in range(len(outline)):
                a, b = outline[i - 1], outline[i]
                inside_a, inside_b = sign * a[axis] <= _GUARD_PX, sign * b[axis] <= _GUARD_PX
                if inside_a != inside_b:
                    out.append(a + (sign * _GUARD_PX - a[axis]) / (b[axis] - a[axis]) * (b - a))
                if inside_b:
                    out.append(b)
            outline = np.array(out)
            if len(outline) < 3:
                return outline
    return outline


def _to_patch(homography: np.ndarray, rect: Rect, scale: tuple[float, float]) -> np.ndarray:
    """From indices of a reduced level to indices inside a rectangle of the picture."""
    out = homography.copy()
    out[0] -= rect[0] * out[2]
    out[1] -= rect[1] * out[2]
    sx, sy = scale
    if sx != 1.0 or sy != 1.0:  # level index i lies at level-0 index (i + 0.5) * scale - 0.5
        out[:, 2] += out[:, 0] * (0.5 * sx - 0.5) + out[:, 1] * (0.5 * sy - 0.5)
        out[:, 0] *= sx
        out[:, 1] *= sy
    return out
