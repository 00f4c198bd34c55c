"""The paper's decoder on a foundation that knows hands: joint queries start from its landmarks.

The paper's instance queries come out of a DETR decoder, where they have attended to the whole hand. Here the landmark
network has looked at the hand: a joint's query consists of what its maps hold at the landmark, the landmark's position,
and the vector from which all landmarks come. docs/training.md says what each part contributes.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from handos_model.hand import JOINTS
from handos_model.network.decoder import POINT_UNIT, DecoderSize, HandDecoder, Lifted, depth_flip, mlp
from handos_model.network.detectors.landmark_detector import QUERY
from handos_model.network.instances import Instances, to_view

PLACE = 5  # numbers per landmark: x and y in the view, x, y and z in the world
WORLD_UNIT = 0.1  # m
VIEW_UNIT = 0.25  # view sizes
LOGIT_UNIT = 4.0


class LandmarkDecoder(HandDecoder):
    """A decoder for instances of `handos_model.network.detectors.landmark_detector.LandmarkDetector`.

    channels: of the detector's memory, whose maps are read at the landmarks.
    """

    def __init__(
        self, size: DecoderSize, query_size: int, levels: int, template: dict[str, Tensor], channels: tuple[int, ...]
    ):
        super().__init__(size, QUERY[0], levels, template)
        d, seen = size.d_model, sum(channels)
        self.seen = nn.Sequential(nn.LayerNorm(seen), nn.Linear(seen, d))
        self.place = mlp(PLACE, d, d)
        self.pose = mlp(PLACE * JOINTS, 2 * d, d)
        self.lifted_pose = mlp(PLACE * JOINTS, 2 * d, d)
        self.vertex_embedding = nn.Parameter(torch.randn(len(self.lifting), d) * 0.2)
        self.side_embedding = nn.Parameter(torch.zeros(d))
        self.side, self.presence = mlp(2 * d + 2, d, 1), mlp(2 * d + 2, d, 1)
        for head in (self.side[-1], self.presence[-1], self.reference):
            nn.init.normal_(head.get_parameter("weight"), std=1e-3)
        if size.deformable:
            for layer in self.layers:
                nn.init.zeros_(layer.get_parameter("deformable.out.weight"))
        for heads in self.heads:
            nn.init.normal_(heads.get_parameter("joints.weight"), std=1e-3)

    def start(self, vertices: Tensor) -> Tensor:
        """Vertices of the template, a right hand: see `lift`."""
        return vertices.clone()

    def expand(self, hands: Instances) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Query expansion around the foundation's landmarks; for lifting, the instance and its predictions."""
        vector, world, presence, right = hands.queries.split(QUERY, -1)
        place = self.places(hands, world)  # (B, N, 21, 5)
        instance = self.expansion_norm(self.instance(vector)) + self.pose(place.flatten(2))
        queries = self.seen(hands.seen) + self.place(place)
        queries = queries + self.joint_embedding + instance[:, :, None]
        centres = place[..., :2] * VIEW_UNIT + self.reference(queries) * POINT_UNIT
        context = torch.cat([instance, world, presence, right], -1)
        return queries, centres, self.joint_box.expand_as(centres), context

    def places(self, hands: Instances, world: Tensor) -> Tensor:
        """(B, N, 21, 5): the landmarks in the view and in the world, from the wrist, both about 1."""
        world = world.unflatten(-1, (JOINTS, 3))
        world = (world - world[:, :, :1]) / WORLD_UNIT
        return torch.cat([to_view(hands.points, hands.views) / VIEW_UNIT, world], -1)

    def lift(self, queries: Tensor, centres: Tensor, sizes: Tensor, context: Tensor, sides: Tensor | None) -> Lifted:
        """Query lifting that gives each lifted query the whole pose, and the side.

        In 2D, a hand looks the same as one of the other side that is mirrored in depth: the vertices are read as those
        of a right hand, and the depth of a left one is inverted. So the 2D pose alone decides the vertices, and a
        single number, which learns from every labelled photo, decides the side.
        """
        d = self.size.d_model
        instance, world, presence, right = context.split([d, *QUERY[1:]], -1)
        evidence = torch.cat([queries.mean(2), instance, right / LOGIT_UNIT, presence / LOGIT_UNIT], -1)
        side = (right + LOGIT_UNIT * self.side(evidence))[..., 0].float()
        shows = (presence + LOGIT_UNIT * self.presence(evidence))[..., 0].float()
        sign = torch.where(side.detach() >= 0, 1.0, -1.0)
        if sides is not None:
            sign = torch.where(sides == 0, sign, sides)
        world = world.unflatten(-1, (JOINTS, 3))
        world = (world - world[:, :, :1]) / WORLD_UNIT * depth_flip(sign)[:, :, None]
        pose = self.lifted_pose(torch.cat([centres / VIEW_UNIT, world], -1).flatten(2))
        pose = (pose + sign[..., None] * self.side_embedding)[:, :, None]
        lifted = self.with_boxes(queries, self.lifting @ queries + self.vertex_embedding + pose, centres, sizes)
        lifted.outputs, lifted.sign = {"pred_sides": side, "pred_presence": shows}, sign
        return lifted

    def right(self, output: dict[str, Tensor]) -> Tensor:
        """Probability (B, N) of a right hand."""
        return output["pred_sides"].sigmoid()
