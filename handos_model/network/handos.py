"""HandOS: a frozen detector, side tuning and the interactive decoder, as one network over the full image."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from handos_model.network.candidates import Candidates, HandFinder, all_candidates
from handos_model.network.decoder import DecoderSize, HandDecoder
from handos_model.network.detector import Detection, Detector
from handos_model.network.instances import GEOMETRY_SIZE, palm_geometry
from handos_model.network.side_tuning import SideTuning
from handos_model.template import HandTemplate

STAGES = ("2d", "full")


def template_tensors(template: HandTemplate) -> dict[str, Tensor]:
    """The template's fixed tensors for the decoder, in the view frame: fingers up (-y), wrist at the origin."""
    joints = template.joint_regressor @ template.vertices
    up = joints[9] - joints[0]
    up = up / np.linalg.norm(up)
    across = joints[5] - joints[17]
    across = across - (across @ up) * up
    across = across / np.linalg.norm(across)
    axes = torch.tensor(np.stack([across, -up])).float()  # x and y of the view
    axes = torch.cat([axes, torch.linalg.cross(axes[0], axes[1])[None]])
    vertices = torch.tensor(template.vertices - joints[0]).float() @ axes.T
    # Skinning weights on joints: how near each coarse vertex is to each joint, as a soft assignment.
    coarse = vertices[torch.tensor(template.coarse).long()]
    positions = torch.tensor(joints - joints[0]).float() @ axes.T
    near = torch.softmax(-((torch.cdist(coarse, positions) / 0.015) ** 2), -1)
    return {
        "coarse_vertices": coarse,
        "upsample": torch.tensor(template.upsample).float(),
        "regressor": torch.tensor(template.joint_regressor).float(),
        "lifting": torch.cat([near, torch.full((1, len(positions)), 1 / len(positions))]),
    }


def instance_queries(memory: list[Tensor], candidates: Candidates, indices: Tensor) -> Tensor:
    """Memory vectors at candidates `indices` (B, N): (B, N, all scales' channels), zero but for its own scale."""
    parts = []
    for level, features in enumerate(memory):
        here = candidates.level[indices] == level
        cell = torch.where(here, candidates.cell[indices], 0)
        vectors = features.flatten(2).transpose(1, 2)
        gathered = vectors.gather(1, cell[..., None].expand(-1, -1, vectors.shape[-1]))
        parts.append(gathered * here[..., None])
    return torch.cat(parts, -1)


class HandOS(nn.Module):
    """The whole network. The detector never trains: see :class:`handos_model.network.detector.Detector`."""

    def __init__(self, detector: Detector, template: HandTemplate, size: DecoderSize, side_widths: list[int]):
        super().__init__()
        self.detector = detector
        self.side_tuning = SideTuning(
            list(detector.backbone_channels), list(detector.memory_channels), side_widths, size.d_value
        )
        channels, coarse_channels = detector.memory_channels
        self.finder = HandFinder(2 * channels, coarse_channels, size.d_value, detector.points)
        instance_size, levels = sum(detector.memory_channels), len(detector.backbone_channels)
        self.decoder = HandDecoder(
            size, instance_size, GEOMETRY_SIZE, detector.points, levels, template_tensors(template)
        )

    def detect(self, images: Tensor) -> tuple[Detection, list[Tensor], Candidates]:
        """Detector outputs, the side tuning's maps, finest first, and the places that may show hands.

        images (B, 3, H, W) RGB in 0..1.
        """
        detection = self.detector(images)
        values = self.side_tuning(detection.backbone, detection.memory)
        return detection, values, all_candidates(detection, values, self.finder)

    def decode(
        self,
        detection: Detection,
        values: list[Tensor],
        candidates: Candidates,
        indices: Tensor,
        stage: str = "full",
        sides: Tensor | None = None,
    ) -> list[dict[str, Tensor]]:
        """Decode the candidates `indices` (B, N). One dict per layer: :meth:`HandDecoder.read` has keys and shapes.

        sides (B, N), in training: 1 where the hand is known to be a right one, -1 for left, 0 unknown.
        """
        if stage not in STAGES:
            raise ValueError(f"unknown stage {stage!r}: choose one of {', '.join(STAGES)}")
        strides = list(self.detector.backbone_strides)
        rows = torch.arange(len(indices), device=indices.device)[:, None]
        views, points = candidates.views[rows, indices].detach(), candidates.points[rows, indices].detach()
        geometry = palm_geometry(views, points, candidates.scores[rows, indices].detach())
        queries = instance_queries(detection.memory, candidates, indices)
        return self.decoder(queries, geometry, points, views, values, strides, stage, sides)

    def trainable_state(self) -> dict[str, Tensor]:
        """Weights that training moves: everything but the detector's."""
        return {k: v for k, v in self.state_dict().items() if not k.startswith("detector.")}

    def load_trainable_state(self, state: dict[str, Tensor]) -> None:
        """Load what :meth:`trainable_state` gave; a missing or unknown name is an error."""
        result = self.load_state_dict(state, strict=False)  # the detector brings its own weights
        missing = [k for k in result.missing_keys if not k.startswith("detector.")]
        if missing or result.unexpected_keys:
            raise ValueError(
                f"these weights do not fit this network: missing {missing[:3]}, unknown {result.unexpected_keys[:3]}"
            )
