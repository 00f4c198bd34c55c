"""Find: where hands are in an image, from the frozen palm detector's maps.

The palm detector was made for open palms, and misses hands that hold something or hide their palm. A trained hourglass
on its maps also proposes a hand per cell; what `see` finds in each view decides.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from handos_model.network.frozen import Trainable
from handos_model.network.palm_detector import PALM_WEIGHTS, PalmDetector
from handos_model.template.embedded import EMBEDDED_NAME

STRIDE = 8  # px per cell
SIZE_UNIT = 48.0  # px of a view whose logarithmic size is 0
MAX_LOG_SIZE = 3.0
RARE_LOGIT = -4.6  # where scores start: few cells show a hand
WIDTHS = (64, 112, 160)  # channels at strides 8, 16 and 32
# MediaPipe's region of interest for the landmark model: 2.6 palm boxes, moved by half a palm towards the fingers
# (mediapipe/modules/hand_landmark/palm_detection_detection_to_roi.pbtxt).
HAND_PER_PALM = 2.6
SHIFT_PER_PALM = 0.5
WRIST, MIDDLE_MCP = 0, 2  # among the seven palm points


def convolution(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """3x3 convolution and batch normalisation, which the exported graph folds away."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False), nn.BatchNorm2d(outputs))


def enlarge(x: Tensor) -> Tensor:
    """Twice the height and width."""
    return F.interpolate(x, scale_factor=2.0, mode="nearest")


class Residual(nn.Module):
    """Two convolutions parallel to a skip connection; initially it is the identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first, self.second = convolution(channels, channels), convolution(channels, channels)
        nn.init.zeros_(self.second.get_parameter("1.weight"))

    def forward(self, x: Tensor) -> Tensor:
        """A map (B, channels, h, w) to one of the same shape."""
        return torch.relu(x + self.second(torch.relu(self.first(x))))


class Hourglass(nn.Module):
    """A hand's logit and view for every cell of stride 8, from the palm detector's maps."""

    def __init__(self, backbone: tuple[int, ...], memory: tuple[int, ...]) -> None:
        super().__init__()
        fine, middle, coarse = WIDTHS
        self.near = convolution(backbone[0], fine, 2)
        self.fine = nn.Conv2d(backbone[1] + memory[0], fine, 1)
        self.middle = nn.Conv2d(backbone[2] + memory[1], middle, 1)
        self.down_fine, self.down_middle = Residual(fine), Residual(middle)
        self.to_middle, self.to_coarse = convolution(fine, middle, 2), convolution(middle, coarse, 2)
        self.bottom = nn.Sequential(Residual(coarse), Residual(coarse))
        self.from_coarse, self.from_middle = nn.Conv2d(coarse, middle, 1), nn.Conv2d(middle, fine, 1)
        self.up_middle, self.up_fine = Residual(middle), Residual(fine)
        self.read = nn.Conv2d(fine, 6, 1)
        nn.init.normal_(self.read.weight, std=1e-3)
        self.read.bias = nn.Parameter(torch.tensor([RARE_LOGIT, 0, 0, 0, 1, 0]))

    def forward(self, backbone: list[Tensor], memory: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Logits (B, cells) and views (B, cells, 4) px. Maps at strides 4, 8, 16 and 8, 16; multiples of 32 px."""
        fine = self.fine(torch.cat([backbone[1], memory[0]], 1)) + self.near(backbone[0])
        fine = self.down_fine(torch.relu(fine))
        middle = self.to_middle(fine) + self.middle(torch.cat([backbone[2], memory[1]], 1))
        middle = self.down_middle(torch.relu(middle))
        coarse = self.bottom(torch.relu(self.to_coarse(middle)))
        middle = self.up_middle(torch.relu(middle + self.from_coarse(enlarge(coarse))))
        fine = self.up_fine(torch.relu(fine + self.from_middle(enlarge(middle))))
        return decode(self.read(fine).float())


def decode(values: Tensor) -> tuple[Tensor, Tensor]:
    """Logits and views in px from the six numbers that are read for every cell (B, 6, h, w)."""
    height, width = values.shape[-2:]
    cells = cell_centres(height, width, values.device)
    values = values.flatten(2).transpose(1, 2)  # (B, cells, 6)
    centre = cells + values[..., 1:3] * STRIDE
    size = SIZE_UNIT * values[..., 3:4].clamp(-MAX_LOG_SIZE, MAX_LOG_SIZE).exp()
    return values[..., 0], torch.cat([centre, size, torch.atan2(values[..., 5:6], values[..., 4:5])], -1)


def cell_centres(height: int, width: int, device: torch.device) -> Tensor:
    """Centres (height * width, 2) px of the cells, row by row."""
    x = (torch.arange(width, device=device) + 0.5) * STRIDE - 0.5
    y = (torch.arange(height, device=device) + 0.5) * STRIDE - 0.5
    return torch.stack(torch.meshgrid(x, y, indexing="xy"), -1).reshape(-1, 2)


def palm_views(boxes: Tensor, keypoints: Tensor) -> Tensor:
    """Oriented square around the hand that belongs to each palm: (..., 4) as centre x, y (px), size (px), angle (rad).

    The angle turns the image's up direction into the direction from the wrist to the middle finger's knuckle. boxes
    (..., 4) xyxy px, keypoints (..., 7, 2) px.
    """
    centre = (boxes[..., :2] + boxes[..., 2:]) / 2
    palm = (boxes[..., 2:] - boxes[..., :2]).amax(-1, keepdim=True).clamp(min=1.0)
    along = keypoints[..., MIDDLE_MCP, :] - keypoints[..., WRIST, :]
    up = along / along.norm(dim=-1, keepdim=True).clamp(min=1e-3)
    centre = centre + SHIFT_PER_PALM * palm * up
    angle = torch.atan2(up[..., :1], -up[..., 1:])
    return torch.cat([centre, HAND_PER_PALM * palm, angle], -1)


def logits_of(scores: Tensor) -> Tensor:
    """Logits of a detector's scores, which may be 0 or 1."""
    return torch.logit(scores.float().clamp(1e-6, 1 - 1e-6))


class HandFinder(Trainable):
    """The frozen palm detector's anchors and the hourglass's cells as places that may show a hand."""

    def __init__(self, weights: Path = PALM_WEIGHTS) -> None:
        super().__init__()
        self.detector = PalmDetector(weights)
        self.hourglass = Hourglass(self.detector.backbone_channels, self.detector.memory_channels)
        self.template = EMBEDDED_NAME  # a finder does not use vertices, so it finds hands of any template

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (B, Q) and views (B, Q, 4) px: centre, size, angle. images (B, 3, H, W) RGB in 0..1."""
        palms = self.detector(images)
        logits, views = self.hourglass(palms.backbone, palms.memory)
        around = palm_views(palms.boxes, palms.keypoints)
        return torch.cat([logits_of(palms.scores), logits], 1), torch.cat([around, views], 1)
