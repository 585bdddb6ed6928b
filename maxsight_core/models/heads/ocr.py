"""Text in the picture: where it is, and what it says.

Where: a map of text probability with a box at every location (EAST: Zhou et al., "EAST: an efficient and accurate scene
text detector", 2017; like DBNet's, Liao et al. 2020, the map is meant for the text's core, so that neighbouring lines
stay apart). What: upright crops of the raw picture, a small convolutional network whose columns are time steps, a
transformer over them, and CTC (CRNN: Shi et al. 2017; CTC: Graves et al. 2006).
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from maxsight_core.models.layers.blank_first import BlankFirstClassifier
from maxsight_core.models.layers.masked_attention import SelfAttentionLayer
from maxsight_core.models.stage_b_contract import DENSE_CHANNELS, DENSE_SIDE, NAMED_SIZES, TEXT_REGIONS, TEXT_STEPS

CANDIDATES = 32
"""Local maxima that are compared with one another before eight are read."""
TEXT_PRIOR = 0.01
"""Share of locations with text, before anything is learned (focal-loss style start: Lin et al. 2017)."""
FIRST_HALF_WIDTH, FIRST_HALF_HEIGHT = 0.1, 0.03
"""Of a box before anything is learned: a word on a sign a few metres away, as fractions of the picture."""
FIRST_WEIGHT_STD = 0.01
CROP_HEIGHT_PX, CROP_WIDTH_PX = 32, 128
CROP_MARGIN = 0.1
"""Of the box's height, on every side: a box that is a little too small must not cost the last letter."""
OVERSAMPLING = 2
"""Samples per crop pixel and direction, averaged: large letters are reduced without aliasing."""
CONTRAST_FLOOR = 0.01
"""Variance added before crops are brought to equal contrast: noise on an even wall is not blown up to letters."""
CHANNELS = (48, 96, 192, 320)
GROUPS = 16
POSITION_STD = 0.02
"""Positions only tint at first (Dosovitskiy et al., ViT, 2021)."""
READER_WIDTH, READER_HEADS, READER_LAYERS = CHANNELS[-1], 8, 3
_SMALLEST_AREA, _SMALLEST_SHARE = 1e-6, 1e-3
"""Keep quotients of areas and of shares finite."""


def _separable(channels: int) -> nn.Sequential:
    """Depth-wise 3x3 and 1x1: a full 3x3 at 56 x 56 would cost nine times as much."""
    return nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1, groups=channels),
                         nn.Conv2d(channels, channels, 1), nn.GroupNorm(GROUPS, channels), nn.GELU())


def _convolution(before: int, after: int, stride: int | tuple[int, int] = 1) -> tuple[nn.Module, ...]:
    return nn.Conv2d(before, after, 3, stride, padding=1), nn.GroupNorm(GROUPS, after), nn.GELU()


class TextDetector(nn.Module):
    """Input: dense [B, 128, 56, 56]. Output: logits [B, 1, 56, 56] and boxes [B, 4, 56, 56] cxcywh, fractions 0..1."""

    def __init__(self) -> None:
        super().__init__()
        self.tower = nn.Sequential(_separable(DENSE_CHANNELS), _separable(DENSE_CHANNELS))
        self.text = nn.Conv2d(DENSE_CHANNELS, 1, 1)
        self.sides = nn.Conv2d(DENSE_CHANNELS, 4, 1)
        for layer in (self.text, self.sides):
            nn.init.normal_(layer.weight, std=FIRST_WEIGHT_STD)
        first = torch.tensor([FIRST_HALF_WIDTH, FIRST_HALF_HEIGHT] * 2)
        with torch.no_grad():
            self.sides.bias.copy_(first.logit())
            self.text.bias.fill_(math.log(TEXT_PRIOR / (1 - TEXT_PRIOR)))
        middles = (torch.arange(DENSE_SIDE) + 0.5) / DENSE_SIDE
        y, x = torch.meshgrid(middles, middles, indexing="ij")
        self.register_buffer("points", torch.stack((x, y))[None], persistent=False)  # [1, 2, 56, 56]

    def forward(self, dense: Tensor) -> tuple[Tensor, Tensor]:
        features = self.tower(dense)
        sides = self.sides(features).float().sigmoid()  # left, top, right, bottom of the location, 0..1
        low = (self.points - sides[:, :2]).clamp(0.0, 1.0)
        high = (self.points + sides[:, 2:]).clamp(0.0, 1.0)
        return self.text(features).float(), torch.cat(((low + high) / 2, high - low), dim=1)


def choose_regions(logits: Tensor, boxes: Tensor) -> tuple[Tensor, Tensor]:
    """The boxes to read: local maxima of the map, those hidden by a surer one marked down, the best eight.

    Marking down is that of matrix NMS (Wang et al., "SOLOv2", 2020), which needs no loop, over the share of the smaller
    box: text does not lie in text, so a box inside another is a part of the same line.

    Args:
        logits: [B, 1, H, W]. boxes: [B, 4, H, W] cxcywh.

    Returns:
        boxes [B, 8, 4] and scores [B, 8], 0..1, the highest first; 0 where there is no further maximum.
    """
    peak = (F.max_pool2d(logits, kernel_size=3, stride=1, padding=1) == logits).to(logits.dtype)
    scores, places = (logits.sigmoid() * peak).flatten(1).topk(CANDIDATES, dim=1)  # [B, 32]
    found = boxes.flatten(2).gather(2, places[:, None].expand(-1, 4, -1)).transpose(1, 2)  # [B, 32, 4]
    kept_scores, order = (scores * _share_left(found)).topk(TEXT_REGIONS, dim=1)  # [B, 8]
    return found.gather(1, order[..., None].expand(-1, -1, 4)), kept_scores


def _share_left(boxes: Tensor) -> Tensor:
    """[B, N]: what boxes [B, N, 4] in falling order of score keep of it, beside the ones before them."""
    low, high = boxes[..., :2] - boxes[..., 2:] / 2, boxes[..., :2] + boxes[..., 2:] / 2
    sides = torch.minimum(high[:, :, None], high[:, None]) - torch.maximum(low[:, :, None], low[:, None])
    shared = sides.clamp(min=0).prod(dim=-1)  # [B, N, N]
    area = (high - low).prod(dim=-1)  # [B, N]
    smaller = torch.minimum(area[:, :, None], area[:, None]).clamp(min=_SMALLEST_AREA)
    earlier = torch.ones_like(shared[0]).triu(diagonal=1)  # [N, N], 1 where the row comes before the column
    hidden = (shared / smaller).clamp(max=1.0) * earlier  # [B, N, N]
    own = hidden.amax(dim=1)[..., None]  # [B, N, 1]: a box that is itself hidden hides less
    return ((1.0 - hidden) / (1.0 - own).clamp(min=_SMALLEST_SHARE)).clamp(max=1.0).amin(dim=1)


class TextReader(nn.Module):
    """What crops say.

    Input: images [B, 3, H, W] and boxes [B, R, 4] cxcywh, fractions. Output: logits [B, R, 32, characters + 1], blank
    first. Boxes may come from anywhere: training reads the true ones.
    """

    def __init__(self) -> None:
        super().__init__()
        first, second, third, last = CHANNELS
        self.columns = nn.Sequential(
            *_convolution(3, first, 2), *_convolution(first, second, 2),  # 32x128 -> 8x32
            *_convolution(second, third, (2, 1)), *_convolution(third, third), *_convolution(third, last, (2, 1)),
            nn.Conv2d(last, READER_WIDTH, (2, 1)), nn.GroupNorm(GROUPS, READER_WIDTH),  # 2x32 -> 1x32
        )
        self.position = nn.Parameter(torch.randn(1, TEXT_STEPS, READER_WIDTH) * POSITION_STD)
        self.layers = nn.ModuleList(SelfAttentionLayer(READER_WIDTH, READER_HEADS) for _ in range(READER_LAYERS))
        self.norm = nn.LayerNorm(READER_WIDTH)
        self.characters = BlankFirstClassifier(READER_WIDTH, NAMED_SIZES["CHARACTERS"])
        self.register_buffer("across", _samples(CROP_WIDTH_PX), persistent=False)  # [256]
        self.register_buffer("down", _samples(CROP_HEIGHT_PX), persistent=False)  # [64]

    def forward(self, images: Tensor, boxes: Tensor) -> Tensor:
        crops = self.crops(images, boxes)  # [B, R, 3, 32, 128]
        mean = crops.mean(dim=(2, 3, 4), keepdim=True)
        spread = (crops - mean).square().mean(dim=(2, 3, 4), keepdim=True)
        crops = (crops - mean) * (spread + CONTRAST_FLOOR).rsqrt()
        columns = self.columns(crops.flatten(0, 1))  # [B * R, 320, 1, 32]
        tokens = columns.flatten(2).transpose(1, 2) + self.position  # [B * R, 32, 320]
        for layer in self.layers:
            tokens = layer(tokens)
        return self.characters(self.norm(tokens)).unflatten(0, (-1, boxes.shape[1]))  # [B, R, 32, C]

    def crops(self, images: Tensor, boxes: Tensor) -> Tensor:
        """[B, R, 3, 32, 128]: the pictures under the boxes with a margin, stretched; beyond the border it repeats."""
        margin = 2.0 * CROP_MARGIN * boxes[..., 3]
        half_w, half_h = (boxes[..., 2] + margin) / 2, (boxes[..., 3] + margin) / 2
        x = 2.0 * (boxes[..., 0, None] + half_w[..., None] * self.across) - 1.0  # [B, R, 256], -1..1 over the picture
        y = 2.0 * (boxes[..., 1, None] + half_h[..., None] * self.down) - 1.0  # [B, R, 64]
        shape = (-1, -1, self.down.shape[0], self.across.shape[0])
        grid = torch.stack((x[:, :, None].expand(shape), y[..., None].expand(shape)), dim=-1)  # [B, R, 64, 256, 2]
        # half precision would put the samples a tenth of a pixel off, and the sampler wants one type
        sampled = F.grid_sample(images.float(), grid.flatten(1, 2).float(), mode="bilinear", padding_mode="border",
                                align_corners=False)
        crops = F.avg_pool2d(sampled, OVERSAMPLING).to(images.dtype)  # [B, 3, R * 64, 256] -> [B, 3, R * 32, 128]
        return crops.unflatten(2, (boxes.shape[1], -1)).transpose(1, 2)


def _samples(pixels: int) -> Tensor:
    """Middles of ``pixels`` times the oversampling, -1..1."""
    count = pixels * OVERSAMPLING
    return (torch.arange(count) + 0.5) * 2.0 / count - 1.0


class OcrHead(nn.Module):
    """Finds text and reads the eight surest places.

    Input: dense [B, 128, 56, 56]; images [B, 3, 224, 224], ImageNet-normalised.

    Output:
        text_map [B, 56, 56] probability of text; text_boxes [B, 8, 4] cxcywh, fractions 0..1; text_scores [B, 8]
        probability, the highest first; text_logits [B, 8, 32, characters + 1] blank first, for
        :func:`maxsight_core.models.reading.read_text`. What is read does not move the boxes: where crops are taken
        has no gradient.
    """

    def __init__(self) -> None:
        super().__init__()
        self.detector = TextDetector()
        self.reader = TextReader()

    def forward(self, dense: Tensor, images: Tensor) -> dict[str, Tensor]:
        logits, boxes = self.detector(dense)
        text_boxes, text_scores = choose_regions(logits, boxes)
        return {
            "text_map": logits.sigmoid().squeeze(1), "text_boxes": text_boxes, "text_scores": text_scores,
            "text_logits": self.reader(images, text_boxes.detach()),
        }
