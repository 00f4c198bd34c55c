"""Side tuning (paper, section 3.2 and Fig. IX): trained maps next to the frozen detector's memory."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from handos_model.network.detectors.detector import Detection, Detector

SIDE_NETWORKS = ("backbone", "scratch", "last_stage", "off")
SWIN_STRIDES = (4, 8, 16, 32)


def three_convolutions(channels: int, width: int, out: int) -> nn.Sequential:
    """The paper's three convolutions on one backbone scale; it does not state their sizes, here 1x1, 3x3 and 1x1."""
    return nn.Sequential(
        nn.Conv2d(channels, width, 1),
        nn.ReLU(inplace=True),
        nn.Conv2d(width, width, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(width, out, 1),
    )


class ScratchBackbone(nn.Module):
    """Table 6, "SwinT": a Swin-T trained from scratch in place of the detector's backbone.

    It gives maps at `strides`; those beyond 32 come from convolutions of stride 2. Needs transformers.
    """

    def __init__(self, strides: tuple[int, ...], embed_dim: int = 96, depths: tuple[int, ...] = (2, 2, 6, 2)):
        super().__init__()
        from transformers import SwinBackbone, SwinConfig

        stages = [SWIN_STRIDES.index(stride) + 1 for stride in strides if stride in SWIN_STRIDES]
        names = [f"stage{stage}" for stage in stages]
        heads = [max(1, embed_dim * 2**i // 32) for i in range(4)]
        # Without stochastic depth, which would use a random generator whose state no checkpoint keeps.
        config = SwinConfig(
            embed_dim=embed_dim, depths=list(depths), num_heads=heads, out_features=names, drop_path_rate=0.0
        )
        self.swin = SwinBackbone(config)
        self.channels = [embed_dim * 2 ** (stage - 1) for stage in stages]
        self.further = nn.ModuleList()
        for _ in range(len(strides) - len(stages)):
            self.further.append(nn.Conv2d(self.channels[-1], self.channels[-1], 3, 2, padding=1))
            self.channels.append(self.channels[-1])

    def forward(self, images: Tensor) -> list[Tensor]:
        """images (B, 3, H, W) RGB in 0..1 to maps, finest first."""
        maps = list(self.swin(2 * images - 1).feature_maps)
        for layer in self.further:
            maps.append(layer(maps[-1]))
        return maps


class SideTuning(nn.Module):
    """Value maps for deformable attention: F = concat(memory, side tuning), projected to one width per scale.

    side "backbone" starts from the detector's backbone, "scratch" from a network of its own; "off" is F = memory, and
    so is "last_stage", where a copy of the detector's last stage is trained: see HandOS.tuned.
    widths: one per scale of the backbone.
    """

    def __init__(self, detector: Detector, widths: list[int], d_value: int, side: str = "backbone"):
        super().__init__()
        if side not in SIDE_NETWORKS:
            raise ValueError(f"side_tuning is {side!r}, must be one of {', '.join(SIDE_NETWORKS)}")
        beside = side in ("backbone", "scratch")
        self.strides = detector.backbone_strides if beside else detector.memory_strides
        self.scratch = ScratchBackbone(self.strides) if side == "scratch" else None
        channels = list(detector.backbone_channels) if self.scratch is None else self.scratch.channels
        if beside and len(widths) != len(channels):
            raise ValueError(f"side_widths has {len(widths)} entries, the detector's backbone {len(channels)} scales")
        self.side = nn.ModuleList()
        if beside:
            self.side.extend(three_convolutions(c, w, d_value) for c, w in zip(channels, widths, strict=True))
        own = d_value if self.side else 0
        self.mix = nn.ModuleList(nn.Conv2d(c + own, d_value, 1) for c in detector.memory_channels)

    def forward(self, images: Tensor | None, detection: Detection) -> list[Tensor]:
        """Value maps (B, d_value, H / stride, W / stride) at `strides`, finest first.

        images (B, 3, H, W) in 0..1, of which only a backbone of its own needs any.
        """
        return [mix(m) for mix, m in zip(self.mix, self.joined(images, detection), strict=True)]

    def joined(self, images: Tensor | None, detection: Detection) -> list[Tensor]:
        """F: the memory concatenated with the side tuning's maps."""
        if not self.side:
            return detection.memory
        backbone = detection.backbone if self.scratch is None else self.scratch(images)
        sides = [side(feature) for side, feature in zip(self.side, backbone, strict=True)]
        return [torch.cat(pair, 1) for pair in zip(detection.memory, sides, strict=True)]
