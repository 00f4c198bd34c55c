"""MediaPipe's hand landmark network in PyTorch, frozen (Apache-2.0, see licences/mediapipe.txt).

The weights are those of mediapipe/modules/hand_landmark/hand_landmark_full.tflite (0.10.21), converted by
tools/convert_hand_landmarks.py. It is an EfficientNet with ReLU6 and its batch norms folded into the convolutions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from handos_model.hand import JOINTS
from handos_model.network.frozen import Frozen, read_weights
from handos_model.prediction.views import SIZE

LANDMARK_WEIGHTS = Path(__file__).parents[1] / "weights" / "hand_landmarks.npz"
STEM = 24  # channels at stride 2
STAGES = {  # stride of the stage's map: kernel, expansion and channels of its blocks, in their order
    2: ((3, 1, 16),),
    4: ((3, 4, 24), (3, 6, 24)),
    8: ((5, 6, 40), (5, 6, 40)),
    16: ((3, 6, 80), (3, 6, 80), (3, 6, 80), (5, 6, 112), (5, 6, 112), (5, 6, 112)),
    32: ((5, 6, 192), (5, 6, 192), (5, 6, 192), (5, 6, 192)),
}
STRIDES: tuple[int, ...] = (4, 8, 16, 32)  # of the maps that are given out
CHANNELS = tuple(STAGES[stride][-1][2] for stride in STRIDES)  # 24, 40, 112, 192
VECTOR = 6 * CHANNELS[-1]  # 1152


@dataclass(frozen=True)
class LandmarkFeatures:
    """The network's output for B views.

    In px of the view, the centre of pixel (0, 0) is at (0.0, 0.0): photos and their mirror images confirm that to
    0.2 px on average.
    """

    landmarks: Tensor  # (B, 21, 3) px: x, y, and z towards the scene with the wrist near 0
    presence: Tensor  # (B,) logit: the view shows a hand
    right: Tensor  # (B,) logit: it is a right hand, in a picture that is not mirrored
    world: Tensor  # (B, 21, 3) m: x to the right of the view, y down, z towards the scene; its origin is in the hand
    maps: tuple[Tensor, ...]  # (B, C, h, w) per stride of STRIDES, with CHANNELS
    vector: Tensor  # (B, 1152): the four outputs before `maps` are linear in it


class Convolution(nn.Module):
    """Convolution with bias, padded as TensorFlow's SAME does it on even sizes, with ReLU6 unless it is linear."""

    def __init__(
        self, channels: int, out_channels: int, kernel: int, stride: int = 1, groups: int = 1, linear: bool = False
    ) -> None:
        super().__init__()
        padding = kernel // 2 if stride == 1 else 0
        self.conv = nn.Conv2d(channels, out_channels, kernel, stride, padding, groups=groups)
        before = (kernel - 2) // 2  # at stride 2, the extra row and column are at the bottom and right
        self.padding = (before, kernel - 2 - before) * 2 if stride == 2 else None
        self.linear = linear

    def forward(self, x: Tensor) -> Tensor:
        """A map (B, channels, h, w), with even h and w for stride 2, to (B, out_channels, h / stride, w / stride)."""
        if self.padding is not None:
            # With the value given, ONNX Runtime merges the padding into the convolution; without it, it does not.
            x = F.pad(x, self.padding, value=0.0)
        x = self.conv(x)
        return x if self.linear else F.relu6(x)


class InvertedBottleneck(nn.Module):
    """Inverted bottleneck: pointwise to `expansion` times the channels, depthwise, pointwise back; skip where it fits.

    Without expansion, the first convolution is missing.
    """

    def __init__(self, channels: int, out_channels: int, kernel: int, expansion: int, stride: int) -> None:
        super().__init__()
        inner = channels * expansion
        expand = [Convolution(channels, inner, 1)] if expansion > 1 else []
        self.layers = nn.Sequential(
            *expand,
            Convolution(inner, inner, kernel, stride, groups=inner),
            Convolution(inner, out_channels, 1, linear=True),
        )
        self.skip = stride == 1 and channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        """A map (B, channels, h, w) to (B, out_channels, h / stride, w / stride)."""
        return x + self.layers(x) if self.skip else self.layers(x)


def stage(stride: int, channels: int) -> nn.Sequential:
    """The blocks whose last map has this stride, on a map with `channels`."""
    blocks: list[InvertedBottleneck] = []
    for kernel, expansion, out_channels in STAGES[stride]:
        blocks.append(
            InvertedBottleneck(channels, out_channels, kernel, expansion, 2 if stride > 2 and not blocks else 1)
        )
        channels = out_channels
    return nn.Sequential(*blocks)


class LandmarkEnd(nn.Module):
    """The last stage of the network, from the map of stride 16 on, and its read-outs."""

    def __init__(self) -> None:
        super().__init__()
        self.stage = stage(32, CHANNELS[-2])
        self.top = nn.Sequential(Convolution(CHANNELS[-1], VECTOR, 1), Convolution(VECTOR, VECTOR, 3, groups=VECTOR))
        self.right, self.presence = nn.Linear(VECTOR, 1), nn.Linear(VECTOR, 1)
        self.landmarks, self.world = nn.Linear(VECTOR, 3 * JOINTS), nn.Linear(VECTOR, 3 * JOINTS)

    def forward(self, maps: Sequence[Tensor]) -> LandmarkFeatures:
        """maps: those before, finest first, the last one of stride 16."""
        last = self.stage(maps[-1])
        vector = self.top(last).mean((2, 3))
        return LandmarkFeatures(
            landmarks=self.landmarks(vector).unflatten(1, (JOINTS, 3)),
            presence=self.presence(vector)[:, 0],
            right=self.right(vector)[:, 0],
            world=self.world(vector).unflatten(1, (JOINTS, 3)),
            maps=(*maps, last),
            vector=vector,
        )


class HandLandmarkNetwork(Frozen):
    """21 landmarks, presence and side of the one hand in a view, with the features that they come from.

    With `weights` None its values are random, which is enough for the converter to get names and shapes.

    Raises ValueError for views or a weight file that do not fit, FileNotFoundError for a missing file.
    """

    def __init__(self, weights: Path | None = LANDMARK_WEIGHTS) -> None:
        super().__init__()
        self.stem = Convolution(3, STEM, 3, stride=2)
        before = (STEM, *(specs[-1][2] for specs in STAGES.values()))
        self.stages = nn.ModuleList(stage(*pair) for pair in zip(list(STAGES)[:-1], before, strict=False))
        self.end = LandmarkEnd()
        if weights is not None:
            self.load_state_dict(read_weights(weights, self.state_dict(), "tools/convert_hand_landmarks.py"))
        self.freeze()

    @torch.no_grad()
    def forward(self, views: Tensor) -> LandmarkFeatures:
        """views: float (B, 3, 224, 224) RGB in 0..1."""
        if views.ndim != 4 or tuple(views.shape[1:]) != (3, SIZE, SIZE):
            raise ValueError(f"views must be (B, 3, {SIZE}, {SIZE}), got {tuple(views.shape)}")
        maps, x = [], self.stem(views)
        for part in self.stages:
            maps.append(x := part(x))
        return self.end(maps[1:])
