"""MediaPipe's palm detector in PyTorch, fully convolutional and frozen (Apache-2.0, see licences/mediapipe.txt).

The weights are those of mediapipe/modules/palm_detection/palm_detection_full.tflite (0.10.21), converted by
tools/convert_palm_detector.py; the decoding follows palm_detection_cpu.pbtxt in the same folder.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from handos_model.network.detectors.detector import check_images
from handos_model.network.frozen import Frozen, read_weights

PALM_WEIGHTS = Path(__file__).parents[1] / "weights" / "palm_detector.npz"

POINTS = 7  # wrist; knuckles (MCP) of index, middle, ring and little finger; thumb CMC and MCP
VALUES = 4 + 2 * POINTS  # box centre and size, then the points
STRIDES = (8, 16)  # of the maps that have anchors
ANCHORS = (2, 6)  # per cell of each
MAX_LOGIT = 100.0


class PReLU(nn.PReLU):
    """PReLU that exports as x + (1 - slope) * relu(-x), with both factors as depthwise 1x1 convolutions.

    ONNX Runtime keeps convolutions, ReLU and sums in its blocked layout but leaves it for every PRelu: written this
    way, the network takes half the time there.
    """

    def forward(self, x: Tensor) -> Tensor:
        """A map (B, num_parameters, h, w) to one of the same shape."""
        if not torch.onnx.is_in_onnx_export():
            return super().forward(x)
        slope, groups = self.weight[:, None, None, None], self.num_parameters
        negative = F.relu(F.conv2d(x, -torch.ones_like(slope), groups=groups))
        return F.conv2d(negative, 1 - slope, groups=groups) + x


class ResidualBlock(nn.Module):
    """Residual block: depthwise 5x5, pointwise, skip, PReLU. Stride 2 pools the skip; new channels have no skip."""

    def __init__(self, channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__()
        self.stride = stride
        self.depthwise = nn.Conv2d(channels, channels, 5, stride, groups=channels, bias=False)
        self.pointwise = nn.Conv2d(channels, out_channels, 1)
        self.act = PReLU(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """A map (B, channels, h, w) to (B, out_channels, h / stride, w / stride)."""
        y = self.depthwise(pad_same(x, self.stride))
        if self.stride == 2:
            x = F.max_pool2d(x, 2)
        channels, weight = self.depthwise.in_channels, self.pointwise.weight
        bias = self.pointwise.get_parameter("bias")
        if channels == self.pointwise.out_channels:
            return self.act(self.pointwise(y) + x)
        # The original pads the skip with zero channels; two convolutions spare that padding.
        old = F.conv2d(y, weight[:channels], bias[:channels]) + x
        new = F.conv2d(y, weight[channels:], bias[channels:])
        return self.act(torch.cat([old, new], 1))


class Up(nn.Module):
    """One step of the top-down path: halve the stride, change the channels, add the backbone's map, two blocks."""

    def __init__(self, channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, out_channels, 1)
        self.act = PReLU(out_channels)
        self.blocks = nn.Sequential(*(ResidualBlock(out_channels, out_channels) for _ in range(2)))

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """A map x (B, channels, h, w) and the backbone's map skip to (B, out_channels, 2h, 2w), the shape of skip."""
        # The original resizes first; a pointwise convolution commutes with it and costs a quarter this way round.
        x = F.interpolate(self.conv(x), scale_factor=2, mode="bilinear", align_corners=False)
        return self.blocks(self.act(x) + skip)


class Head(nn.Module):
    """Scores and values of the anchors of one map."""

    def __init__(self, channels: int, anchors: int) -> None:
        super().__init__()
        self.score = nn.Conv2d(channels, anchors, 1)
        self.values = nn.Conv2d(channels, anchors * VALUES, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """A map (B, channels, h, w) to logits (B, h w anchors) and values (B, h w anchors, VALUES) px, cell by cell."""
        score = self.score(x).permute(0, 2, 3, 1).flatten(1)  # (B, cells * anchors)
        values = self.values(x).permute(0, 2, 3, 1).flatten(1).unflatten(1, (-1, VALUES))
        return score, values


class PalmNetwork(nn.Module):
    """The network as published: five stages from stride 2 to 32, and the way back up to 16 and 8."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 32, 5, 2)
        self.stem_act = PReLU(32)
        self.stages = nn.ModuleList()
        for channels, out_channels in [(32, 32), (32, 64), (64, 128), (128, 256), (256, 256)]:
            down = [ResidualBlock(channels, out_channels, stride=2)] if len(self.stages) else []
            self.stages.append(nn.Sequential(*down, *(ResidualBlock(out_channels, out_channels) for _ in range(4))))
        self.up16, self.head16 = Up(256, 256), Head(256, ANCHORS[1])
        self.up8, self.head8 = Up(256, 128), Head(128, ANCHORS[0])

    def forward(self, images: Tensor) -> tuple[list[Tensor], list[Tensor], Tensor, Tensor]:
        """Backbone and memory maps, logits (B, Q), values (B, Q, 18) in px relative to the anchors' centres."""
        x = self.stem_act(self.stem(pad_same(images, 2)))
        backbone = []
        for stage in self.stages:
            backbone.append(x := stage(x))
        c4, c8, c16, c32 = backbone[1:]
        m16 = self.up16(c32, c16)
        m8 = self.up8(m16, c8)
        (score8, values8), (score16, values16) = self.head8(m8), self.head16(m16)
        return [c4, c8, c16], [m8, m16], torch.cat([score8, score16], 1), torch.cat([values8, values16], 1)


@dataclass(frozen=True)
class Palms:
    """One pass over B images, with Q anchors each, in pixels with the centre of pixel (0, 0) at (0.0, 0.0)."""

    boxes: Tensor  # (B, Q, 4) xyxy px
    scores: Tensor  # (B, Q) 0..1
    keypoints: Tensor  # (B, Q, 7, 2) px
    backbone: list[Tensor]  # (B, C, h, w) at strides 4, 8 and 16
    memory: list[Tensor]  # (B, C, h, w) at strides 8 and 16, after the top-down path


class PalmDetector(Frozen):
    """Palms as boxes and seven points, with the maps that they come from; H and W are multiples of 32.

    Raises ValueError for an input or a weight file that does not fit, FileNotFoundError for a missing file.
    """

    backbone_channels = (64, 128, 256)
    memory_channels = (128, 256)

    def __init__(self, weights: Path = PALM_WEIGHTS) -> None:
        super().__init__()
        self.network = PalmNetwork()
        self.network.load_state_dict(read_weights(weights, self.network.state_dict(), "tools/convert_palm_detector.py"))
        self.freeze()

    @torch.no_grad()
    def forward(self, images: Tensor) -> Palms:
        """images: float (B, 3, H, W) RGB in 0..1."""
        check_images(images, 32)
        backbone, memory, logits, values = self.network(images)
        centres = anchors(*images.shape[2:]).to(values.device)
        points = values.unflatten(2, (-1, 2)) + centres[:, None]  # (B, Q, 9, 2); the second, the size, is no point
        half = values[..., 2:4] / 2
        boxes = torch.cat([points[:, :, 0] - half, points[:, :, 0] + half], -1)
        scores = logits.clamp(-MAX_LOGIT, MAX_LOGIT).sigmoid()
        return Palms(boxes, scores, points[:, :, 2:], backbone, memory)


def pad_same(x: Tensor, stride: int) -> Tensor:
    """Zero padding for a 5x5 kernel like TensorFlow's SAME on even sizes: at stride 2, more at the bottom and right."""
    # With the value given, ONNX Runtime merges the padding into the convolution; without it, it does not.
    return F.pad(x, (2, 2, 2, 2) if stride == 1 else (1, 2, 1, 2), value=0.0)


def anchors(height: int, width: int) -> Tensor:
    """Centres (Q, 2) px of the anchors of an input of height x width px.

    MediaPipe puts a cell's anchors at (x + 0.5) * stride with pixel (0, 0) spanning 0..1; half a pixel is subtracted
    here, where the centre of that pixel is (0, 0). Its offsets, scaled by its input size of 192, are in pixels too.
    """
    centres = []
    for stride, count in zip(STRIDES, ANCHORS, strict=True):
        rows, columns = height // stride, width // stride
        x, y = torch.arange(columns).expand(rows, columns), torch.arange(rows)[:, None].expand(rows, columns)
        centre = (torch.stack([x, y], -1).reshape(-1, 1, 2) + 0.5) * stride - 0.5  # (cells, 1, 2)
        centres.append(centre.expand(-1, count, -1).reshape(-1, 2))
    return torch.cat(centres)
