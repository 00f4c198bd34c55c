"""Interactive 2D-3D decoder: query expansion, 2D layers, query lifting, interactive layers, heads (paper, 3.3)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from handos_model.hand import JOINTS
from handos_model.network.attention import DeformableAttention, SelfAttention, attention_mask, rows
from handos_model.network.instances import Instances, to_pixels

# Outputs of the heads are multiplied by these units, so that an optimiser step moves a point only a little: with Adam,
# every weight moves by the learning rate, and without them a hundred weights move a joint by a tenth of the hand.
VERTEX_UNIT = 0.05  # metres
POINT_UNIT = 0.1  # view sizes
VOLUME_LOGIT = 4.0  # logit of a right hand that has the template's volume
VIEW_METRES = 0.28  # average width in metres of what a view shows at the hand's depth
# That width is learned within a factor of e^3. A box that the image or an object cuts down to a twentieth of its hand
# needs 14 mm; a factor of e gives only 103 mm, too much for every twelfth of the hands that are cut by 60 %.
WIDTH_RANGE = 3.0


@dataclass(frozen=True)
class DecoderSize:
    """Sizes and kind of the decoder. Paper: config/train/paper_2d.yaml."""

    unified_query: bool = False  # Q_uni of Table 6: one learned query for all instances, not the detector's
    vertex_queries: bool = False  # one per vertex of the template, not per coarse vertex
    shared_heads: bool = False  # one FFN for all points, as in the paper
    deformable: bool = True  # queries look at the value maps; otherwise each only knows its initial value
    own_values: bool = False  # each layer projects the value maps itself, as in Deformable DETR

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


def face_corners(vertices: Tensor, faces: Tensor) -> Tensor:
    """Corners (..., F, 3 corners, 3) of every face of meshes (..., V, 3)."""
    return vertices[..., faces.flatten(), :].unflatten(-2, (len(faces), 3))


def mesh_volume(vertices: Tensor, faces: Tensor) -> Tensor:
    """Signed volume (...) in m^3 of closed surfaces (..., V, 3): positive for a right hand, negative for a left one."""
    a, b, c = face_corners(vertices, faces).unbind(-2)
    return (a * torch.linalg.cross(b, c)).sum((-2, -1)) / 6


def depth_flip(sign: Tensor) -> Tensor:
    """Factors (..., 3) that invert the depth of a left hand, whose sign is -1."""
    return torch.stack([torch.ones_like(sign), torch.ones_like(sign), sign], -1)


def mlp(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    """Two linear layers with a ReLU between them, on vectors (..., inputs) to (..., outputs)."""
    return nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(inplace=True), nn.Linear(hidden, outputs))


class PointHead(nn.Module):
    """Two layers from each query to k numbers; every point has its own last layer, so points need not share a mean.

    With `points` 1, all points share the last layer.
    """

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
        self.deformable = None
        if size.deformable:
            self.deformable = DeformableAttention(d, size.d_value, size.heads, levels, points)
        self.feedforward = mlp(d, size.feedforward, d)
        self.position = mlp(2, d, d)
        self.value = nn.Conv2d(size.d_value, size.d_value, 1) if size.own_values else None
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
        if self.deformable is None:
            return (x + self.feedforward(self.norms[2](x))).reshape(b, n, q, d)
        values = values if self.value is None else [self.value(value) for value in values]
        looking = self.norms[1](x + position).reshape(b, n, q, d)
        x = x + rows(self.deformable(looking, centres, sizes, views, values, strides))
        return (x + self.feedforward(self.norms[2](x))).reshape(b, n, q, d)


class Heads(nn.Module):
    """Read-outs of one layer: motion of the joints, vertices, camera, confidences."""

    def __init__(self, d: int, vertices: int, shared: bool, with_3d: bool):
        super().__init__()
        self.norm = nn.LayerNorm(d)
        self.joints = PointHead(1 if shared else JOINTS, d, 2)
        self.confidence = nn.Linear(d, 1)
        self.with_3d = with_3d
        if with_3d:
            self.vertices = PointHead(1 if shared else vertices, d, 3)
            self.camera = mlp(d, d, 3)


@dataclass
class Lifted:
    """Joint, vertex and camera queries of every hand, q = 21 + C + 1."""

    queries: Tensor  # (B, N, q, d)
    centres: Tensor  # (B, N, q, 2) view units
    sizes: Tensor  # (B, N, q, 2)
    outputs: dict[str, Tensor]  # what lifting itself predicts, for every interactive layer's outputs
    sign: Tensor | None = None  # (B, N) 1 or -1: inverts the depth of the vertex head's output


class HandDecoder(nn.Module):
    """The paper's decoder: from the kept instances of a detector to joints, vertices and camera translation.

    query_size: length of an instance's query; levels: scales of the value maps; template: of
    `handos_model.network.handos.template_tensors`. `upsample` (V, C) there lifts the C vertex queries to the
    template's V vertices and is the identity where there is a query per vertex.
    """

    upsample: Tensor  # (V, C)
    regressor: Tensor  # (21, V)
    faces: Tensor  # (F, 3)
    mask: Tensor  # (21 + C + 1, 21 + C + 1) bool

    def __init__(self, size: DecoderSize, query_size: int, levels: int, template: dict[str, Tensor]):
        super().__init__()
        d, coarse = size.d_model, template["upsample"].shape[1]
        shared = size.shared_heads
        self.size = size
        if size.unified_query:
            self.unified = nn.Parameter(torch.randn(d))
        else:
            self.instance = nn.Linear(query_size, d)
        self.expansion_norm = nn.LayerNorm(d)
        self.joint_embedding = nn.Parameter(torch.randn(JOINTS, d) * 0.5)
        self.reference = PointHead(1 if shared else JOINTS, d, 2)
        self.joint_box = nn.Parameter(torch.full((JOINTS, 2), 0.12))
        self.lifting = nn.Parameter(template["lifting"].clone())
        self.lifted_reference = PointHead(1 if shared else coarse + 1, d, 2)
        self.vertex_box = nn.Parameter(torch.ones(coarse + 1, 2))
        lifted = [False] * size.layers_2d + [True] * size.layers_3d
        places = {False: size.points_2d, True: size.points_3d}
        self.layers = nn.ModuleList(DecoderLayer(size, levels, places[with_3d]) for with_3d in lifted)
        self.heads = nn.ModuleList(Heads(d, coarse, shared, with_3d) for with_3d in lifted)
        self.rest_vertices = nn.Parameter(self.start(template["coarse_vertices"]) / VERTEX_UNIT)
        for name in ("upsample", "regressor", "faces"):
            self.register_buffer(name, template[name].clone(), persistent=False)
        self.volume = float(mesh_volume(template["vertices"], template["faces"]))
        self.register_buffer("mask", attention_mask(size.mask, JOINTS, coarse), persistent=False)

    def forward(
        self, hands: Instances, values: list[Tensor], strides: list[int], stage: str, sides: Tensor | None = None
    ) -> list[dict[str, Tensor]]:
        """One dict for the query expansion, then one per layer; the last one is the prediction.

        values: maps per scale with their strides. stage "2d" runs every layer on the joints alone (the paper's first
        stage), "full" lifts after the 2D layers. sides (B, N): the true ones, 1 right, -1 left, 0 to be guessed; None
        means that all are guessed. The paper's decoder does not use them.
        """
        queries, centres, sizes, context = self.expand(hands)
        expansion = {"pred_joints_view": centres, "pred_joints_2d": to_pixels(centres, hands.views)}
        outputs = [expansion]
        centres, mask, sign = centres.detach(), None, None
        guess: dict[str, Tensor] = {}
        for i, (layer, heads) in enumerate(zip(self.layers, self.heads, strict=True)):
            assert isinstance(heads, Heads)  # a ModuleList does not say what it holds
            if i == self.size.layers_2d and stage == "full":
                lifted = self.lift(queries, centres, sizes, context, sides)
                queries, centres, sizes = lifted.queries, lifted.centres, lifted.sizes
                mask, sign, guess = self.mask, lifted.sign, lifted.outputs
            queries = layer(queries, centres, sizes, hands.views, values, strides, mask)
            output = self.read(heads, queries, centres[:, :, :JOINTS], hands.views, sign) | guess
            centres = torch.cat([output["pred_joints_view"].detach(), centres[:, :, JOINTS:]], 2)
            outputs.append(output)
        return outputs

    def start(self, vertices: Tensor) -> Tensor:
        """Where the vertices (C, 3) start: the template without its depth, which is neither a left nor a right hand."""
        return vertices * torch.tensor([1.0, 1.0, 0.0])

    def instance_vectors(self, hands: Instances) -> Tensor:
        """(B, N, d): the detector's queries, or the learned one."""
        if self.size.unified_query:
            return self.unified.expand(*hands.views.shape[:2], -1)
        return self.instance(hands.queries)

    def expand(self, hands: Instances) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Query expansion: joint queries, centres and sizes of their reference boxes in view units, and (B, N, c) what
        lifting may need of each instance. A view's origin is the centre of its instance's box."""
        instance = self.expansion_norm(self.instance_vectors(hands))
        queries = instance[:, :, None] + self.joint_embedding
        return queries, self.reference(queries) * POINT_UNIT, self.joint_box * hands.extents[:, :, None], instance

    def lift(self, queries: Tensor, centres: Tensor, sizes: Tensor, context: Tensor, sides: Tensor | None) -> Lifted:
        """Query lifting: vertex and camera queries and reference boxes as learned mixtures of the joints'."""
        return self.with_boxes(queries, self.lifting @ queries, centres, sizes)

    def with_boxes(self, queries: Tensor, lifted: Tensor, centres: Tensor, sizes: Tensor) -> Lifted:
        """Joint queries and lifted ones (B, N, C + 1, d) with their reference boxes."""
        with torch.autocast(queries.device.type, enabled=False):
            centre, size = self.lifting @ centres, self.lifting @ sizes
        centre, size = centre + self.lifted_reference(lifted) * POINT_UNIT, size * self.vertex_box
        return Lifted(torch.cat([queries, lifted], 2), torch.cat([centres, centre], 2), torch.cat([sizes, size], 2), {})

    def read(
        self, heads: Heads, queries: Tensor, centres: Tensor, views: Tensor, sign: Tensor | None
    ) -> dict[str, Tensor]:
        """Outputs of one layer; joints start from their reference centres (B, N, 21, 2)."""
        joint_queries = heads.norm(queries[:, :, :JOINTS])
        joints_view = centres + heads.joints(joint_queries) * POINT_UNIT
        output = {
            "pred_joints_view": joints_view,  # (B, N, 21, 2) view units
            "pred_joints_2d": to_pixels(joints_view, views),  # (B, N, 21, 2) px
            "pred_joint_confidence": heads.confidence(joint_queries)[..., 0].float(),  # logits
        }
        if heads.with_3d and queries.shape[2] > JOINTS:
            lifted = heads.norm(queries[:, :, JOINTS:])
            coarse = (self.rest_vertices + heads.vertices(lifted[:, :, :-1])) * VERTEX_UNIT
            if sign is not None:
                coarse = coarse * depth_flip(sign)[:, :, None]
            with torch.autocast(queries.device.type, enabled=False):  # bfloat16 makes neighbouring vertices coincide
                joints = (self.regressor @ self.upsample) @ coarse
                vertices = self.upsample @ (coarse - joints[:, :, :1])
            camera = heads.camera(lifted[:, :, -1]).float() * POINT_UNIT
            shift, log_width = camera.split([2, 1], -1)
            width = VIEW_METRES * (WIDTH_RANGE * (log_width / WIDTH_RANGE).tanh()).exp()
            output |= {
                "pred_vertices": vertices,  # (B, N, V, 3) m, wrist at the origin, view frame
                "pred_joints_3d": joints - joints[:, :, :1],  # (B, N, 21, 3) m
                "pred_translation": torch.cat([shift * width, width], -1),  # normalised camera
            }
        return output

    def right(self, output: dict[str, Tensor]) -> Tensor:
        """Probability (B, N) of a right hand: from the signed volumes of mesh and template (paper, section 3.5)."""
        return torch.sigmoid(VOLUME_LOGIT * mesh_volume(output["pred_vertices"], self.faces) / self.volume)
