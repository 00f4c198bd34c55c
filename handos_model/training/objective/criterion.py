"""Targets in each instance's view, and the weighted sum of all loss terms over all layers."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from handos_model.network.instances import camera_rotation, to_view
from handos_model.training.objective import losses
from handos_model.training.objective.term import Term, weigh, weighted

CONFIDENT_WITHIN = 0.1  # joint confidence is the probability of an error below this fraction of the hand's long edge
SIGNS = torch.tensor([-1.0, 1.0, 0.0])  # of sides 0, 1 and, from the end, -1
PREDICTIONS = (
    "pred_joints_view", "pred_joint_confidence", "pred_sides", "pred_vertices", "pred_joints_3d", "pred_translation",
)  # fmt: skip
PALM_BONES = ((0, 5), (0, 9), (0, 13), (0, 17), (5, 6), (9, 10), (13, 14), (17, 18))


@dataclass(frozen=True)
class LossWeights:
    """Weights of design table "Training"; those from confidence on are this project's additions."""

    joints_2d: float = 10.0
    oks_2d: float = 4.0
    vertices: float = 10.0
    joints_3d: float = 10.0
    normal: float = 5.0
    edge: float = 10.0
    projected: float = 10.0
    oks_projected: float = 4.0
    normal_consistency: float = 0.5
    confidence: float = 0.3
    side: float = 2.0
    volume: float = 0.5
    presence: float = 2.0
    finder_score: float = 1.0
    finder_view: float = 2.0
    pseudo_3d: float = 0.3  # weight of a 3D joint of a pseudo-label relative to a measured or rendered one


@dataclass
class HandTargets:
    """Targets of the positive instances of a batch, in view coordinates; n hands."""

    joints: Tensor  # (n, 21, 2) view units
    rays: Tensor  # (n, 21, 2) view units: the same joints seen along the view's own ray
    weight: Tensor  # (n, 21)
    long_edge: Tensor  # (n,) of the hand's box, view units
    area: Tensor  # (n,)
    joints_3d: Tensor  # (n, 21, 3) m from the wrist
    vertices: Tensor  # (n, V, 3) m from the wrist
    has_3d: Tensor  # (n,) float
    has_vertices: Tensor  # (n,) float
    measured: Tensor  # (n,) bool: 3D is known and not guessed from the image
    focal: Tensor  # (n,) view sizes
    sign: Tensor  # (n,) 1 right, -1 left, 0 unknown


def hand_size(joints_3d: Tensor) -> Tensor:
    """Sum (n,) of the lengths of palm and first finger bones, the part of a hand that barely depends on its pose."""
    a, b = zip(*PALM_BONES, strict=True)
    return (joints_3d[:, list(a)] - joints_3d[:, list(b)]).norm(dim=-1).sum(-1)


def view_rays(joints_px: Tensor, K: Tensor, views: Tensor, rotation: Tensor) -> tuple[Tensor, Tensor]:
    """Focal lengths (n,) of views in their own sizes, and joints (n, 21, 2) as a pinhole camera along each would see
    them, from the joints (n, 21, 2+) px of the image. rotation (n, 3, 3): camera_rotation of the views."""
    focal = (K[:, 0, 0] * K[:, 1, 1]).sqrt() / views[:, 2]
    rays = torch.cat([joints_px[..., :2], torch.ones_like(joints_px[..., :1])], -1) @ torch.linalg.inv(K).mT @ rotation
    rays = rays[..., :2] / rays[..., 2:].clamp(min=0.1) * focal[:, None, None]
    return focal, rays


def view_targets(batch: dict[str, Tensor], rows: Tensor, owners: Tensor, views: Tensor, size: float) -> HandTargets:
    """Labels of hands `owners` (n,) in images `rows` (n,), turned into `views` (n, 4) and to the hand size `size`.

    An image does not show how big a hand is, so every hand is learned at the template's size.
    """
    joints_px = batch["joints_2d"][rows, owners]
    K = batch["K"][rows]
    rotation = camera_rotation(views, K)
    joints = to_view(joints_px[..., :2], views)
    focal, rays = view_rays(joints_px, K, views, rotation)
    joints_3d = batch["joints_3d"][rows, owners]
    root = joints_3d[:, :1]
    scale = size / hand_size(joints_3d).clamp(min=1e-3)[:, None, None]
    extent = joints_px[..., :2].amax(1) - joints_px[..., :2].amin(1)
    extent = extent / views[:, 2:3]
    long_edge = extent.amax(-1).clamp(min=0.05)
    return HandTargets(
        joints=joints,
        rays=rays,
        weight=(joints_px[..., 2] > 0).float(),
        long_edge=long_edge,
        area=torch.maximum(extent.prod(-1), 0.3 * long_edge.square()),
        joints_3d=(joints_3d - root) @ rotation * scale,
        vertices=(batch["vertices"][rows, owners] - root) @ rotation * scale,
        has_3d=batch["has_3d"][rows, owners].float(),
        has_vertices=batch["has_vertices"][rows, owners].float(),
        measured=batch["has_vertices"][rows, owners] | batch["absolute"][rows],
        focal=focal,
        sign=SIGNS.to(views.device)[batch["side"][rows, owners].long()],
    )


@dataclass
class Criterion:
    """Weighted sum of the terms of every layer. faces (F, 3); size and volume (m^3): the template's."""

    faces: Tensor
    size: float
    volume: float
    weights: LossWeights = field(default_factory=LossWeights)

    def __post_init__(self) -> None:
        self.neighbours = losses.face_neighbours(self.faces)

    def __call__(
        self,
        outputs: list[dict[str, Tensor]],
        batch: dict[str, Tensor],
        views: Tensor,
        assigned: Tensor,
        totals: dict[str, Tensor],
    ) -> tuple[Tensor, dict[str, Term]]:
        """Total, and each term in the last layer that has it.

        views (B, N, 4) of the chosen instances, assigned (B, N) from select_instances, totals from term.label_totals.
        """
        rows, slots = (assigned >= 0).nonzero(as_tuple=True)
        target = view_targets(batch, rows, assigned[rows, slots], views[rows, slots], self.size)
        total = torch.zeros((), device=views.device)
        report: dict[str, Term] = {}
        for output in outputs:
            hands = {name: output[name][rows, slots] for name in PREDICTIONS if name in output}
            terms = self.layer_terms(hands, target)
            total = total + weigh(terms, totals, self.weights)
            report |= terms
        return total, report

    def layer_terms(self, hands: dict[str, Tensor], target: HandTargets) -> dict[str, Term]:
        """Every term of one layer over the hands that carry its label."""
        scale = target.long_edge[:, None, None]
        every = torch.ones_like(target.long_edge)
        joints = hands["pred_joints_view"]
        terms = {
            "joints_2d": weighted(losses.points_l1(joints / scale, target.joints / scale, target.weight), every),
            "oks_2d": weighted(losses.oks(joints, target.joints, target.weight, target.area), every),
        }
        if "pred_joint_confidence" in hands:
            error = (joints - target.joints).norm(dim=-1).detach()
            close = (error < CONFIDENT_WITHIN * target.long_edge[:, None]).float()
            confidence = losses.binary(hands["pred_joint_confidence"], close)
            terms["confidence"] = weighted((confidence * target.weight).mean(-1), every)
        if "pred_vertices" not in hands:
            return terms
        projected = losses.project(hands["pred_joints_3d"], hands["pred_translation"], target.focal)
        edges = losses.face_edges(hands["pred_vertices"], self.faces)
        true_edges = losses.face_edges(target.vertices, self.faces)
        solid = target.has_vertices
        trust = torch.where(target.measured, 1.0, self.weights.pseudo_3d)
        ones = torch.ones_like(target.weight)
        joints_3d = losses.points_l1(hands["pred_joints_3d"], target.joints_3d, ones) / losses.DECIMETRE
        vertices = (hands["pred_vertices"] - target.vertices).abs().mean((1, 2)) / losses.DECIMETRE
        known = target.sign.abs()
        if "pred_sides" in hands:
            terms["side"] = weighted(losses.binary(hands["pred_sides"], (target.sign > 0).float()), known)
        return terms | {
            "volume": weighted(losses.volume(hands["pred_vertices"], self.faces, target.sign, self.volume), known),
            "vertices": weighted(vertices, solid),
            "joints_3d": weighted(joints_3d * trust, target.has_3d),
            "normal": weighted(losses.normal(edges, true_edges), solid),
            "edge": weighted(losses.edge(edges, true_edges), solid),
            "projected": weighted(losses.points_l1(projected / scale, target.rays / scale, target.weight), every),
            "oks_projected": weighted(losses.oks(projected, target.rays, target.weight, target.area), every),
            "normal_consistency": weighted(losses.normal_consistency(edges, self.neighbours), every),
        }
