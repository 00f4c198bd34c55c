"""HandOS: a frozen detector, side tuning and the interactive decoder, as one network over the full image."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from handos_model.network.candidates import Candidates, own_candidates
from handos_model.network.decoder import DecoderSize, HandDecoder
from handos_model.network.detectors.detector import Detection, Detector, detect_each
from handos_model.network.detectors.landmark_detector import LandmarkDetector, landmark_detector
from handos_model.network.frozen import Trainable
from handos_model.network.hand_landmarks import LandmarkEnd
from handos_model.network.landmark_decoder import LandmarkDecoder
from handos_model.network.side_tuning import SideTuning
from handos_model.template.hand_template import HandTemplate

STAGES = ("2d", "full")
LAST_STAGE = "side_tuning last_stage"
SAME_PLACE = 0.002  # m between a bone's origin and a joint that count as the same


def template_tensors(template: HandTemplate, every_vertex: bool = False) -> dict[str, Tensor]:
    """The template's fixed tensors for the decoder, in the view frame: fingers up (-y), wrist at the origin.

    every_vertex: all V vertices take the place of the C coarse ones.
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
    """Skinning weights (V, 21), in which each bone's weight goes to the joint about which it turns.

    A bone that turns about none of the 21, such as the metacarpals of four fingers, moves with its parent bone.
    """
    at = np.zeros(len(template.bone_parents), int)
    for bone, parent in enumerate(template.bone_parents):  # parents come first
        distance = np.linalg.norm(template.bone_frames[bone, :3, 3] - template.joints, axis=1)
        at[bone] = distance.argmin() if parent < 0 or distance.min() < SAME_PLACE else at[parent]
    return torch.tensor(template.skinning_weights @ np.eye(len(template.joints))[at]).float()


def trained_end(detector: Detector) -> LandmarkEnd:
    """A copy of the landmark network's last stage that is free to learn; ValueError for another detector."""
    return deepcopy(landmark_detector(detector, LAST_STAGE).network.end).requires_grad_(True)


@dataclass(frozen=True)
class Chosen:
    """The instances that pass the filter: N for each of b images."""

    indices: Tensor  # (b, N) which of the candidates
    images: Tensor | None = None  # (b,) which of the batch; None: all
    boxes: Tensor | None = None  # (b, N, 4) xyxy px to look into, in place of the detector's own
    sides: Tensor | None = None  # (b, N), in training: 1 right, -1 left, 0 unknown


class HandOS(Trainable):
    """The whole network. The detector never trains: see `handos_model.network.detectors.detector.Detector`.

    side: where side tuning starts from, one of side_tuning.SIDE_NETWORKS. Raises ValueError for parts that do not fit.
    """

    def __init__(
        self, detector: Detector, template: HandTemplate, size: DecoderSize, side_widths: list[int], side: str
    ):
        super().__init__()
        self.detector, self.template = detector, template.name
        self.side_tuning = SideTuning(detector, side_widths, size.d_value, side)
        self.end = trained_end(detector) if side == "last_stage" else None
        fixed = template_tensors(template, size.vertex_queries)
        parts = (size, detector.query_size, len(self.side_tuning.strides), fixed)
        self.decoder: HandDecoder
        if isinstance(detector, LandmarkDetector):
            self.decoder = LandmarkDecoder(*parts, detector.memory_channels)
        else:
            self.decoder = HandDecoder(*parts)

    def forward(
        self,
        images: Tensor,
        choose: Callable[[Candidates], Chosen],
        stage: str = "full",
        sizes: Tensor | None = None,
    ) -> dict[str, Any]:
        """The pass that training on images, evaluation and export make. Training in stage `see` makes the rest of it,
        `propose` and `decode`, on what the frozen detector said of each view before (training/views/feature_cache.py).

        images (B, 3, H, W): float RGB in 0..1, H and W multiples of detector.multiple; image i has content up to
        sizes[i] = (height, width) only, a row of sizes (B, 2), or everywhere. choose: the filter of instances, SimOTA
        in training, non-maximum suppression in prediction. stage: "full", or "2d" for joints alone.

        Of the b images and N instances that are chosen, with pixels of `images`, metres, and J = 21 joints:

        - pred_scores (b, N): 0..1; the detector's
        - pred_boxes (b, N, 4): xyxy px; pred_views (b, N, 4): centre and size in px, angle in rad of the square
          around the box that the predictions below are in
        - pred_joints_2d (b, N, J, 2): px; pred_joints_view (b, N, J, 2): the same in sizes of the view
        - pred_joint_confidence (b, N, J): logits
        - in stage "full": pred_vertices (b, N, V, 3) and pred_joints_3d (b, N, J, 3): m from the wrist, in the frame
          of the view, which looks along the ray through the view's centre; pred_translation (b, N, 3): x and y of the
          wrist in m and the width in m of what the view shows at its depth; pred_right (b, N): 0..1
        - there, with a LandmarkDetector: pred_sides (b, N): logits of a right hand; pred_presence (b, N): logits of a
          hand in the view
        - aux_outputs: a list with a dict for the query expansion, which has pred_joints_2d and pred_joints_view alone,
          and one for every layer but the last, with what that layer predicts of the decoder's predictions
        - candidates: all places that might have been chosen
        """
        detection, values, candidates = self.detect(images, sizes)
        chosen = choose(candidates)
        seen, maps, places, indices = detection, values, candidates, chosen.indices
        if chosen.images is not None:
            kept = chosen.images
            seen, maps, places = detection.of(kept), [v[kept] for v in values], candidates.of(kept)
        if chosen.boxes is not None:
            places, indices = places.at(indices, chosen.boxes), torch.arange(indices.shape[1]).expand(indices.shape)
            indices = indices.to(images.device)
        *before, last = self.decode(seen, maps, places, indices, stage, chosen.sides)
        rows = torch.arange(len(indices), device=indices.device)[:, None]
        outputs = dict(last)
        for name in ("scores", "boxes", "views"):
            outputs[f"pred_{name}"] = getattr(places, name)[rows, indices]
        if stage == "full":
            outputs["pred_right"] = self.decoder.right(last)
        return outputs | {"aux_outputs": before, "candidates": candidates}

    def detect(self, images: Tensor, sizes: Tensor | None = None) -> tuple[Detection, list[Tensor], Candidates]:
        """Detector outputs, the side tuning's maps, finest first, and the places that may show hands.

        images (B, 3, H, W) RGB in 0..1, sizes as in `forward`.
        """
        return self.propose(images, self.tuned(detect_each(self.detector, images, sizes)))

    def tuned(self, detection: Detection) -> Detection:
        """The detection, with the detector's last stage replaced by its trained copy if there is one."""
        if self.end is None:
            return detection
        return landmark_detector(self.detector, LAST_STAGE).detected(self.end(detection.memory[:-1]))

    def propose(self, images: Tensor | None, detection: Detection) -> tuple[Detection, list[Tensor], Candidates]:
        """Like `detect`, from a detection in the images to which `tuned` was applied; images as in `SideTuning`."""
        values = self.side_tuning(images, detection) if self.decoder.size.deformable else []
        return detection, values, own_candidates(detection)

    def decode(
        self,
        detection: Detection,
        values: list[Tensor],
        candidates: Candidates,
        indices: Tensor,
        stage: str = "full",
        sides: Tensor | None = None,
    ) -> list[dict[str, Tensor]]:
        """Decode the candidates `indices` (B, N). One dict per layer: `HandDecoder.read` has keys and shapes.

        sides (B, N), in training: 1 where the hand is known to be a right one, -1 for left, 0 unknown.
        """
        if stage not in STAGES:
            raise ValueError(f"unknown stage {stage!r}: choose one of {', '.join(STAGES)}")
        hands = candidates.take(indices, detection)
        return self.decoder(hands, values, list(self.side_tuning.strides), stage, sides)
