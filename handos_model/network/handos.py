"""HandOS: a frozen detector, side tuning and the interactive decoder, as one network over the full image."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from handos_model.network.candidates import Candidates, HandFinder, own_candidates, palm_candidates
from handos_model.network.decoder import DecoderSize, HandDecoder
from handos_model.network.detectors.detector import Detection, Detector
from handos_model.network.guided_decoder import GuidedDecoder
from handos_model.network.side_tuning import SideTuning
from handos_model.template.hand_template import HandTemplate

STAGES = ("2d", "full")


def template_tensors(template: HandTemplate, every_vertex: bool = False) -> dict[str, Tensor]:
    """The template's fixed tensors for the decoder, in the view frame: fingers up (-y), wrist at the origin.

    every_vertex: all V vertices stand in the place of the C coarse ones.
    """
    joints = template.joint_regressor @ template.vertices
    up = joints[9] - joints[0]
    up = up / np.linalg.norm(up)
    across = joints[5] - joints[17]
    across = across - (across @ up) * up
    across = across / np.linalg.norm(across)
    axes = torch.tensor(np.stack([across, -up])).float()  # x and y of the view
    axes = torch.cat([axes, torch.linalg.cross(axes[0], axes[1])[None]])
    vertices = torch.tensor(template.vertices - joints[0]).float() @ axes.T
    coarse = torch.arange(len(vertices)) if every_vertex else torch.tensor(template.coarse).long()
    weights = joint_weights(template)[coarse]
    return {
        "vertices": vertices,
        "faces": torch.tensor(template.faces).long(),
        "coarse_vertices": vertices[coarse],
        "upsample": torch.eye(len(vertices)) if every_vertex else torch.tensor(template.upsample).float(),
        "regressor": torch.tensor(template.joint_regressor).float(),
        "lifting": torch.cat([weights, torch.full((1, len(joints)), 1 / len(joints))]),
    }


def joint_weights(template: HandTemplate) -> Tensor:
    """Skinning weights (V, 21) with each bone's given to the joint that it turns about."""
    origins = template.bone_frames[:, :3, 3]
    joint = np.linalg.norm(origins[:, None] - template.joints, axis=2).argmin(1)  # (B,)
    return torch.tensor(template.skinning_weights @ np.eye(len(template.joints))[joint]).float()


class HandOS(nn.Module):
    """The whole network. The detector never trains: see :class:`handos_model.network.detectors.detector.Detector`.

    side: where side tuning starts from, one of side_tuning.SIDES. Raises ValueError for parts that do not fit.
    """

    def __init__(
        self, detector: Detector, template: HandTemplate, size: DecoderSize, side_widths: list[int], side: str
    ):
        super().__init__()
        if size.guided and not detector.points:
            raise ValueError("a guided decoder needs a detector with keypoints: give the decoder guided: false")
        if side == "off" and detector.points:
            raise ValueError("a detector with keypoints needs side tuning: side_tuning may not be off")
        self.detector, self.template = detector, template.name
        self.side_network = detector.side_network() if side == "copy" else None
        self.side_tuning = SideTuning(detector, side_widths, size.d_value, side)
        # The palm detector was made for open palms; a DETR knows hands of all kinds.
        self.finder = None
        if detector.points:
            channels, coarse_channels = detector.memory_channels
            self.finder = HandFinder(2 * channels, coarse_channels, size.d_value, detector.points)
        fixed = template_tensors(template, size.vertex_queries)
        parts = (size, detector.query_size, len(self.side_tuning.strides), fixed)
        self.decoder = GuidedDecoder(*parts, detector.points) if size.guided else HandDecoder(*parts)

    def detect(self, images: Tensor) -> tuple[Detection, list[Tensor], Candidates]:
        """Detector outputs, the side tuning's maps, finest first, and the places that may show hands.

        images (B, 3, H, W) RGB in 0..1.
        """
        return self.propose(images, self.detector(images))

    def propose(self, images: Tensor, detection: Detection) -> tuple[Detection, list[Tensor], Candidates]:
        """The same for images that the detector has seen. A side network's maps take the place of the detector's."""
        if self.side_network is not None:
            detection = self.side_network(detection)
        values = self.side_tuning(images, detection)
        if self.finder is None:
            return detection, values, own_candidates(detection)
        return detection, values, palm_candidates(detection, values, self.finder)

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
        hands = candidates.take(indices, detection.memory)
        return self.decoder(hands, values, list(self.side_tuning.strides), stage, sides)

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
