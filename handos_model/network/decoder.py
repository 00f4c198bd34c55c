"""Interactive 2D-3D decoder: query expansion, 2D layers, query lifting, interactive layers, heads (paper, 3.3)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from handos_model.network.attention import DeformableAttention, SelfAttention, attention_mask, rows
from handos_model.network.instances import to_pixels, to_view
from handos_model.network.view_encoder import WHOLE, ViewEncoder
from handos_model.template import JOINT_NAMES

JOINTS = len(JOINT_NAMES)
# Outputs of the heads are multiplied by these, so that one optimiser step moves a point by a little: with Adam every
# weight moves by the learning rate, and without them a hundred weights move a joint by a tenth of the hand.
VERTEX_UNIT = 0.05  # metres
POINT_UNIT = 0.1  # view sizes
VIEW_METRES = 0.28  # average width in metres of what a view shows at the hand's depth; learned within a factor of e


@dataclass(frozen=True)
class DecoderSize:
    """Sizes of the decoder. The paper: d_model 256, 2 + 4 layers, 4 scales, all 778 vertices as queries."""

    d_model: int = 128
    d_value: int = 128
    heads: int = 8  # of deformable attention
    self_heads: int = 4
    points_2d: int = 4  # places a query looks at, per head and scale, in the 2D layers
    points_3d: int = 2  # and in the interactive ones, where there are many more queries
    feedforward: int = 256
    layers_2d: int = 1
    layers_3d: int = 1
    mask: str = "hierarchical"


def mlp(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(inplace=True), nn.Linear(hidden, outputs))


class PointHead(nn.Module):
    """Two layers from each query to k numbers; the last one is each point's own: points need not share a mean."""

    def __init__(self, points: int, d: int, k: int):
        super().__init__()
        self.hidden = nn.Linear(d, d)
        self.weight = nn.Parameter(torch.randn(points, d, k) * d**-0.5)
        self.bias = nn.Parameter(torch.zeros(points, k))

    def forward(self, queries: Tensor) -> Tensor:
        """(B, N, points, d) to (B, N, points, k)."""
        hidden = torch.relu(self.hidden(rows(queries))).reshape(queries.shape)
        return (hidden[..., None, :] * self.weight.transpose(-1, -2)).sum(-1).float() + self.bias


class DecoderLayer(nn.Module):
    """Self-attention, deformable attention and feed-forward network, each with a residual (Fig. 3)."""

    def __init__(self, size: DecoderSize, levels: int, points: int):
        super().__init__()
        d = size.d_model
        self.self_attention = SelfAttention(d, size.self_heads)
        self.deformable = DeformableAttention(d, size.d_value, size.heads, levels, points)
        self.feedforward = mlp(d, size.feedforward, d)
        self.position = mlp(2, d, d)
        self.norms = nn.ModuleList(nn.LayerNorm(d) for _ in range(3))

    def forward(
        self,
        queries: Tensor,
        centres: Tensor,
        sizes: Tensor,
        views: Tensor,
        values: list[Tensor],
        strides: list[int],
        mask: Tensor | None,
    ) -> Tensor:
        """queries (B, N, q, d), reference boxes (B, N, q, 2) in view units."""
        b, n, q, d = queries.shape
        x, position = rows(queries), self.position(4 * rows(centres))
        x = x + rows(self.self_attention(self.norms[0](x + position).reshape(b * n, q, d), mask))
        looking = self.norms[1](x + position).reshape(b, n, q, d)
        x = x + rows(self.deformable(looking, centres, sizes, views, values, strides))
        return (x + self.feedforward(self.norms[2](x))).reshape(b, n, q, d)


class Heads(nn.Module):
    """Read-outs of one layer: how the joints move, vertices, camera, confidences."""

    def __init__(self, d: int, vertices: int, with_3d: bool):
        super().__init__()
        self.norm = nn.LayerNorm(d)
        self.joints = PointHead(JOINTS, d, 2)
        self.confidence = nn.Linear(d, 1)
        self.with_3d = with_3d
        if with_3d:
            self.vertices = PointHead(vertices, d, 3)
            self.camera = mlp(d, d, 3)


class HandDecoder(nn.Module):
    """From the kept instances of a detector to joints, vertices and camera translation.

    `upsample` (V, C) lifts the C coarse vertex queries to the template's V vertices; the identity for a decoder that
    has a query per vertex. `lifting` (C + 1, J) starts as the coarse vertices' skinning weights on the joints, last
    row uniform.
    """

    def __init__(
        self,
        size: DecoderSize,
        instance_size: int,
        geometry_size: int,
        points: int,
        levels: int,
        template: dict[str, Tensor],
    ):
        super().__init__()
        d, coarse = size.d_model, template["upsample"].shape[1]
        self.size = size
        self.instance = nn.Linear(instance_size, d)
        self.geometry = mlp(geometry_size, d, d)
        self.expansion_norm = nn.LayerNorm(d)
        self.joint_embedding = nn.Parameter(torch.randn(JOINTS, d) * 0.5)
        self.vertex_embedding = nn.Parameter(torch.randn(coarse + 1, d) * 0.2)
        self.look = ViewEncoder(levels, size.d_value, d, JOINTS, points)
        self.reference = PointHead(JOINTS, d, 2)
        self.joint_box = nn.Parameter(torch.full((JOINTS, 2), 0.12))
        self.lifting = nn.Parameter(template["lifting"].clone())
        self.pose = mlp(2 * JOINTS, 2 * d, d)
        self.side = mlp(2 * d + WHOLE, d, 1)
        self.side_embedding = nn.Parameter(torch.zeros(d))
        self.lifted_reference = PointHead(coarse + 1, d, 2)
        self.vertex_box = nn.Parameter(torch.ones(coarse + 1, 2))
        lifted = [False] * size.layers_2d + [True] * size.layers_3d
        places = {False: size.points_2d, True: size.points_3d}
        self.layers = nn.ModuleList(DecoderLayer(size, levels, places[with_3d]) for with_3d in lifted)
        self.heads = nn.ModuleList(Heads(d, coarse, with_3d) for with_3d in lifted)
        self.rest_vertices = nn.Parameter(template["coarse_vertices"].clone() / VERTEX_UNIT)
        self.register_buffer("upsample", template["upsample"].clone(), persistent=False)
        self.register_buffer("regressor", template["regressor"].clone(), persistent=False)
        self.register_buffer("mask", attention_mask(size.mask, JOINTS, coarse), persistent=False)

    def forward(
        self,
        instances: Tensor,
        geometry: Tensor,
        points: Tensor,
        views: Tensor,
        values: list[Tensor],
        strides: list[int],
        stage: str,
        sides: Tensor | None = None,
    ) -> list[dict[str, Tensor]]:
        """One dict for the query expansion, then one per layer; the last one is the prediction.

        instances (B, N, D) detector queries, geometry (B, N, G), detector's points (B, N, P, 2) px, views (B, N, 4),
        values per scale. stage "2d" runs every layer on the joints alone (the paper's first stage), "full" lifts after
        the 2D layers. sides (B, N): the true ones, 1 right, -1 left, 0 to be guessed, which is also what None does.
        """
        instance = self.expansion_norm(self.instance(instances) + self.geometry(geometry))
        features, seen, logits, whole = self.look(views, to_view(points, views), values, strides)
        queries = instance[:, :, None] + self.joint_embedding + features
        centres = seen + self.reference(queries) * POINT_UNIT
        sizes = self.joint_box.expand_as(centres)
        expansion = {"pred_joints_view": centres, "pred_joints_2d": to_pixels(centres, views), "pred_cells": logits}
        outputs = [expansion]
        centres = centres.detach()
        guess, sign = {}, None
        for i, (layer, heads) in enumerate(zip(self.layers, self.heads, strict=True)):
            if i == self.size.layers_2d and stage == "full":
                logits = self.guess_side(queries, centres, whole)
                guess, sign = {"pred_sides": logits}, torch.where(logits.detach() >= 0, 1.0, -1.0)
                sign = sign if sides is None else torch.where(sides == 0, sign, sides)
                queries, centres, sizes = self.lift(queries, centres, sizes, sign)
            mask = self.mask if queries.shape[2] > JOINTS else None
            queries = layer(queries, centres, sizes, views, values, strides, mask)
            output = self.read(heads, queries, centres[:, :, :JOINTS], views, sign) | guess
            centres = torch.cat([output["pred_joints_view"].detach(), centres[:, :, JOINTS:]], 2)
            outputs.append(output)
        return outputs

    def guess_side(self, queries: Tensor, centres: Tensor, whole: Tensor) -> Tensor:
        """Logits (B, N) of being a right hand, from what joints and view (B, N, WHOLE) look like and where they are."""
        pose = self.pose(4 * centres.flatten(2))
        return self.side(torch.cat([queries.mean(2), pose, whole], -1))[..., 0].float()

    def lift(self, queries: Tensor, centres: Tensor, sizes: Tensor, sign: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Add vertex and camera queries and reference boxes as learned mixtures of the joints' (query lifting).

        Beside the paper's mixture, each lifted query is told the whole 2D pose: where all joints are says more about a
        vertex's depth than what its own joint looks like. sign (B, N): 1 for right hands, -1 for left ones.
        """
        pose = self.pose(4 * centres.flatten(2))[:, :, None]
        side = sign[..., None, None] * self.side_embedding
        lifted = self.lifting @ queries + self.vertex_embedding + pose + side
        with torch.autocast(queries.device.type, enabled=False):
            centre, size = self.lifting @ centres, self.lifting @ sizes
        centre, size = centre + self.lifted_reference(lifted) * POINT_UNIT, size * self.vertex_box
        return torch.cat([queries, lifted], 2), torch.cat([centres, centre], 2), torch.cat([sizes, size], 2)

    def read(
        self, heads: Heads, queries: Tensor, centres: Tensor, views: Tensor, sign: Tensor | None
    ) -> dict[str, Tensor]:
        """Outputs of one layer; joints start from their reference centres (B, N, 21, 2).

        What an image shows of a hand in 2D is also what a hand of the other side shows that is mirrored in depth: the
        vertices are read as those of a right hand, and the depth of a left one (sign (B, N) -1) is turned around. So
        the 2D pose alone decides the vertices, and one number that learns from every labelled photo decides the side.
        """
        joint_queries = heads.norm(queries[:, :, :JOINTS])
        joints_view = centres + heads.joints(joint_queries) * POINT_UNIT
        output = {
            "pred_joints_view": joints_view,  # (B, N, 21, 2) view units
            "pred_joints_2d": to_pixels(joints_view, views),  # (B, N, 21, 2) px
            "pred_joint_confidence": heads.confidence(joint_queries)[..., 0].float(),  # logits
        }
        if heads.with_3d and queries.shape[2] > JOINTS:
            lifted = heads.norm(queries[:, :, JOINTS:])
            scale = torch.stack([torch.ones_like(sign), torch.ones_like(sign), sign], -1) * VERTEX_UNIT
            coarse = (self.rest_vertices + heads.vertices(lifted[:, :, :-1])) * scale[:, :, None]
            with torch.autocast(queries.device.type, enabled=False):  # bfloat16 makes neighbouring vertices coincide
                joints = (self.regressor @ self.upsample) @ coarse
                vertices = self.upsample @ (coarse - joints[:, :, :1])
            camera = heads.camera(lifted[:, :, -1]).float() * POINT_UNIT
            shift, log_width = camera.split([2, 1], -1)
            width = VIEW_METRES * log_width.tanh().exp()
            output |= {
                "pred_vertices": vertices,  # (B, N, V, 3) m, wrist at the origin, view frame
                "pred_joints_3d": joints - joints[:, :, :1],  # (B, N, 21, 3) m
                "pred_translation": torch.cat([shift * width, width], -1),  # normalised camera
            }
        return output
