"""The nine loss terms of the paper (supplement VI.2) on one layer's output, and the two that score a hand.

Every term is a function of predictions and targets with a leading hand dimension n, returns one value per hand (n,),
and is averaged by the criterion over the hands that carry the label. 3D lengths are in decimetres, which makes the
paper's weights balance: it states neither units nor whether its norms are sums or means; here they are means.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from handos_model.network.decoder import face_corners, mesh_volume

# COCO-WholeBody hand keypoints, wrist first (xtcocotools).
SIGMAS = (
    torch.tensor([29, 22, 35, 37, 47, 26, 25, 24, 35, 18, 24, 22, 26, 17, 21, 21, 32, 20, 19, 22, 31]).float().mul(1e-3)
)
DECIMETRE = 0.1
NEAREST = 0.3


def points_l1(predicted: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Mean absolute coordinate error over weighted points; (n, p, k), (n, p, k), (n, p) -> (n,)."""
    error = (predicted - target).abs().mean(-1)
    return (error * weight).sum(-1) / weight.sum(-1).clamp(min=1e-6)


def oks(predicted: Tensor, target: Tensor, weight: Tensor, area: Tensor) -> Tensor:
    """1 - object keypoint similarity (COCO), (n,). area (n,) of the hand's box in the points' squared unit."""
    squared = (predicted - target).square().sum(-1)
    spread = (2 * SIGMAS.to(predicted.device)).square() * 2 * area[:, None].clamp(min=1e-6)
    similarity = torch.exp(-squared / spread)
    return 1 - (similarity * weight).sum(-1) / weight.sum(-1).clamp(min=1e-6)


def face_edges(vertices: Tensor, faces: Tensor) -> Tensor:
    """Edge vectors (n, F, 3 edges, 3) of every face."""
    corners = face_corners(vertices, faces)
    return corners.roll(-1, 2) - corners


def face_normals(edges: Tensor) -> Tensor:
    """Unit normals (n, F, 3) from a face's edges."""
    normal = torch.linalg.cross(edges[:, :, 0], edges[:, :, 1])
    return normal / normal.norm(dim=-1, keepdim=True).clamp(min=1e-12)


def normal(edges: Tensor, target_edges: Tensor) -> Tensor:
    """How far predicted edges deviate from the plane of the true face: |unit edge . true normal|, (n,)."""
    unit = edges / edges.norm(dim=-1, keepdim=True).clamp(min=1e-6)
    return (unit * face_normals(target_edges)[:, :, None]).sum(-1).abs().mean((1, 2))


def edge(edges: Tensor, target_edges: Tensor) -> Tensor:
    """Mean difference of edge lengths in decimetres, (n,)."""
    return (edges.norm(dim=-1) - target_edges.norm(dim=-1)).abs().mean((1, 2)) / DECIMETRE


def normal_consistency(edges: Tensor, neighbours: Tensor) -> Tensor:
    """Mean 1 - cosine between the normals of faces that share an edge; neighbours (E, 2) face indices, (n,)."""
    normals = face_normals(edges)
    return 1 - (normals[:, neighbours[:, 0]] * normals[:, neighbours[:, 1]]).sum(-1).mean(1)


def face_neighbours(faces: Tensor) -> Tensor:
    """Pairs of faces (E, 2) that share an edge of a closed surface."""
    seen: dict[tuple[int, int], int] = {}
    pairs = []
    for index, face in enumerate(faces.tolist()):
        for a, b in zip(face, face[1:] + face[:1], strict=True):
            key = (min(a, b), max(a, b))
            if key in seen:
                pairs.append((seen.pop(key), index))
            else:
                seen[key] = index
    return torch.tensor(pairs, dtype=torch.long)


def volume(vertices: Tensor, faces: Tensor, sign: Tensor, full: float) -> Tensor:
    """How badly the mesh shows its side (n,): softplus of minus its signed volume, as a fraction of `full` m^3.

    sign (n,) is 1 for right hands, -1 for left ones, 0 for unknown. The paper leaves the side to the vertex loss, which
    photos without 3D labels lack; since the volume decides the side in prediction, it is trained as well.
    """
    return F.softplus(-4 * sign * mesh_volume(vertices, faces) / full) * sign.abs()


def project(joints: Tensor, translation: Tensor, focal: Tensor) -> Tensor:
    """Root-relative joints (n, 21, 3) m through the normalised camera, (n, 21, 2) in view units.

    translation (n, 3) = (x, y, width): the hand is at (x, y, width * focal) metres in the view frame; focal (n,) in
    view sizes. Joints closer than NEAREST of the hand's distance are kept there: an initial guess may lie behind the
    camera, and its gradient would drown all others.
    """
    width = translation[:, None, 2]
    depth = torch.maximum(joints[..., 2] / focal[:, None] + width, NEAREST * width)
    return (joints[..., :2] + translation[:, None, :2]) / depth[..., None]


def binary(logits: Tensor, target: Tensor) -> Tensor:
    """Binary cross entropy of each logit with its target in 0..1; both of one shape, which is the result's."""
    return F.binary_cross_entropy_with_logits(logits, target, reduction="none")
