"""What the small preset adds to the paper's decoder: a first look at the view, the side as one number.

The paper's instance queries come out of a DETR decoder, where they have attended to the whole hand; the palm detector
has none, and the preset has few layers. docs/training.md says what each addition brought.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from handos_model.network.decoder import JOINTS, POINT_UNIT, DecoderSize, HandDecoder, Lifted, mlp
from handos_model.network.instances import GEOMETRY_SIZE, Instances, palm_geometry, to_view
from handos_model.network.view_encoder import WHOLE, ViewEncoder


class GuidedDecoder(HandDecoder):
    """A decoder for detectors with keypoints, `points` per instance."""

    def __init__(self, size: DecoderSize, query_size: int, levels: int, template: dict[str, Tensor], points: int):
        super().__init__(size, query_size, levels, template)
        d = size.d_model
        self.geometry = mlp(GEOMETRY_SIZE, d, d)
        self.look = ViewEncoder(levels, size.d_value, d, JOINTS, points)
        self.vertex_embedding = nn.Parameter(torch.randn(len(self.lifting), d) * 0.2)
        self.pose = mlp(2 * JOINTS, 2 * d, d)
        self.side = mlp(2 * d + WHOLE, d, 1)
        self.side_embedding = nn.Parameter(torch.zeros(d))

    def start(self, vertices: Tensor) -> Tensor:
        """The template's, a right hand's: see :meth:`lift`."""
        return vertices.clone()

    def expand(
        self, hands: Instances, values: list[Tensor], strides: list[int]
    ) -> tuple[Tensor, Tensor, Tensor, Tensor | None, dict[str, Tensor]]:
        """Query expansion around where the view encoder sees the joints; for lifting, the whole view (B, N, WHOLE)."""
        geometry = self.geometry(palm_geometry(hands.views, hands.points, hands.scores))
        instance = self.expansion_norm(self.instance_vectors(hands) + geometry)
        features, seen, logits, whole = self.look(hands.views, to_view(hands.points, hands.views), values, strides)
        queries = instance[:, :, None] + self.joint_embedding + features
        centres = seen + self.reference(queries) * POINT_UNIT
        return queries, centres, self.joint_box.expand_as(centres), whole, {"pred_cells": logits}

    def lift(
        self, queries: Tensor, centres: Tensor, sizes: Tensor, context: Tensor | None, sides: Tensor | None
    ) -> Lifted:
        """Query lifting that tells each lifted query the whole 2D pose: where all joints are says more about a vertex's
        depth than what its own joint looks like.

        What an image shows of a hand in 2D is also what a hand of the other side shows that is mirrored in depth: the
        vertices are read as those of a right hand, and the depth of a left one is turned around. So the 2D pose alone
        decides the vertices, and one number that learns from every labelled photo decides the side.
        """
        pose = self.pose(4 * centres.flatten(2))
        side = self.side(torch.cat([queries.mean(2), pose, context], -1))[..., 0].float()
        sign = torch.where(side.detach() >= 0, 1.0, -1.0)
        if sides is not None:
            sign = torch.where(sides == 0, sign, sides)
        told = pose[:, :, None] + sign[..., None, None] * self.side_embedding
        lifted = self.with_boxes(queries, self.lifting @ queries + self.vertex_embedding + told, centres, sizes)
        lifted.outputs, lifted.sign = {"pred_sides": side}, sign
        return lifted

    def right(self, output: dict[str, Tensor]) -> Tensor:
        """Probability (B, N) of a right hand: how sure the side is."""
        return output["pred_sides"].sigmoid()

    def score(self, found: Tensor, confidence: Tensor) -> Tensor:
        """Geometric mean of the candidate's and the joints' scores: joints are not sure where no hand is."""
        return (found * confidence.mean(-1)).sqrt()
