"""Where hands may be: the frozen detector's palms, and a small trained head that finds those it does not.

The paper filters the queries of a detector that knows hands of all kinds. The palm detector was made for open palms and
misses hands that hold something or hide their palm: a trained hourglass on its maps and the side tuning's proposes a
hand per cell beside the detector's own anchors.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from handos_model.network.detectors.detector import Detection
from handos_model.network.instances import (
    HAND_BOX_PER_VIEW,
    Instances,
    box_views,
    palm_views,
    to_pixels,
    view_boxes,
)
from handos_model.network.view_encoder import block, enlarge

WIDTH = 96
SIZE_UNIT = 48.0  # px of a view whose logarithmic size is 0
RARE_LOGIT = -4.6  # where scores start: few cells show a hand
MAX_LOGIT = 100.0
# Wrist; knuckles of index, middle, ring and little finger; thumb CMC and MCP: the detector's points as our joints.
POINT_JOINTS = (0, 5, 9, 13, 17, 1, 2)
# Where they lie in the view of an open hand.
POINT_START = ((0.0, 0.36), (-0.1, -0.02), (-0.02, -0.03), (0.05, -0.01), (0.11, 0.04), (-0.13, 0.27), (-0.19, 0.15))


@dataclass(frozen=True)
class Candidates:
    """Q places per image that may show a hand. Pixels are those of the detector's input.

    What the decoder is told of each is a vector of `queries` or, without these, of the detector's memory.
    """

    boxes: Tensor  # (B, Q, 4) xyxy px
    views: Tensor  # (B, Q, 4): see instances.Instances
    points: Tensor  # (B, Q, P, 2) px
    logits: Tensor  # (B, Q)
    queries: Tensor | None  # (B, Q, D)
    level: Tensor | None  # (Q,) int64: without queries, the vector is memory[level].flatten(2)[..., cell]
    cell: Tensor | None  # (Q,) int64
    trained: Tensor  # (Q,) bool: proposed by the trained head, not by the detector

    @property
    def scores(self) -> Tensor:
        """(B, Q) 0..1."""
        return self.logits.clamp(-MAX_LOGIT, MAX_LOGIT).sigmoid()

    def of(self, rows: Tensor) -> Candidates:
        """Those of some of the images, rows (n,)."""
        return replace(
            self,
            boxes=self.boxes[rows],
            views=self.views[rows],
            points=self.points[rows],
            logits=self.logits[rows],
            queries=None if self.queries is None else self.queries[rows],
        )

    def at(self, indices: Tensor, boxes: Tensor) -> Candidates:
        """The candidates `indices` (B, N) alone, each moved into one of `boxes` (B, N, 4) xyxy px.

        ValueError where they are cells of a map, whose places are their own.
        """
        if self.queries is None:
            raise ValueError("hands can be looked for in given boxes only where the detector has queries")
        rows = torch.arange(len(indices), device=indices.device)[:, None]
        return replace(
            self,
            boxes=boxes,
            views=box_views(boxes),
            points=self.points[rows, indices],
            logits=self.logits[rows, indices],
            queries=self.queries[rows, indices],
        )

    def take(self, indices: Tensor, detection: Detection) -> Instances:
        """The candidates at `indices` (B, N), without gradients to where they are, in images with this detection."""
        rows = torch.arange(len(indices), device=indices.device)[:, None]
        boxes, views = self.boxes[rows, indices].detach(), self.views[rows, indices].detach()
        memory = detection.memory
        queries = self.vectors(memory, indices) if self.queries is None else self.queries[rows, indices]
        extents = (boxes[..., 2:] - boxes[..., :2]) / (HAND_BOX_PER_VIEW * views[..., 2:3])
        points, scores = self.points[rows, indices].detach(), self.scores[rows, indices].detach()
        seen = None if detection.seen is None else detection.seen[rows, indices]
        return Instances(queries, views, extents, points, scores, seen)

    def vectors(self, memory: list[Tensor], indices: Tensor) -> Tensor:
        """Memory vectors at candidates (B, N): (B, N, all scales' channels), zero but for its own scale."""
        parts = []
        for level, features in enumerate(memory):
            here = self.level[indices] == level
            cell = torch.where(here, self.cell[indices], 0)
            vectors = features.flatten(2).transpose(1, 2)
            gathered = vectors.gather(1, cell[..., None].expand(-1, -1, vectors.shape[-1]))
            parts.append(gathered * here[..., None])
        return torch.cat(parts, -1)


def hand_views(joints: Tensor) -> Tensor:
    """The views (..., 4) that the trained head learns: fingers up, around all joints (..., 21, 2) px.

    Size such that the joints' long edge, along or across, takes the share that palm_views gives an average hand.
    """
    along = joints[..., 9, :] - joints[..., 0, :]
    length = along.norm(dim=-1, keepdim=True)
    # Hands whose palm is a point, as that of labels without one, are seen upright.
    up = torch.where(length > 1e-3, along / length.clamp(min=1e-3), torch.tensor([0.0, -1.0], device=joints.device))
    axes = torch.stack([torch.stack([-up[..., 1], up[..., 0]], -1), -up], -2)  # rows: the view's x and y in pixels
    turned = joints @ axes.mT
    low, high = turned.amin(-2), turned.amax(-2)
    centre = ((low + high) / 2)[..., None, :] @ axes
    size = (high - low).amax(-1, keepdim=True) / HAND_BOX_PER_VIEW
    angle = torch.atan2(up[..., :1], -up[..., 1:])
    return torch.cat([centre[..., 0, :], size.clamp(min=1.0), angle], -1)


class Block(nn.Module):
    """Residual block: depthwise 5x5, pointwise, normalised."""

    def __init__(self, channels: int):
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, 5, padding=2, groups=channels, bias=False)
        self.pointwise = nn.Conv2d(channels, channels, 1, bias=False)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.norm(self.pointwise(self.depthwise(x))))


class Surroundings(nn.Module):
    """What lies around every cell: down to a quarter of the size and back up, added to the map. Adds nothing at first.

    A forearm, a sleeve or a second hand tells a fist from a stone, and lies cells away.
    """

    def __init__(self, channels: int):
        super().__init__()
        wide, widest = 160, 192
        self.down = nn.Sequential(block(channels, wide, 2), Block(wide), Block(wide))
        self.bottom = nn.Sequential(block(wide, widest, 2), Block(widest), Block(widest), Block(widest))
        self.middle_up = nn.Conv2d(widest, wide, 1)
        self.middle = Block(wide)
        self.up = nn.Conv2d(wide, channels, 1)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)

    def forward(self, x: Tensor) -> Tensor:
        down = self.down(x)
        down = self.middle(down + enlarge(self.middle_up(self.bottom(down))))
        return torch.relu(x + enlarge(self.up(down)))


class HandFinder(nn.Module):
    """A hand's score, view and points for every cell of the finest memory map.

    channels: of that map and of the backbone's map of the same stride; coarse_channels: of the next memory map;
    tuned_channels: of each of the side tuning's three maps, the middle one of which has the finest memory's stride.
    """

    def __init__(self, channels: int, coarse_channels: int, tuned_channels: int, points: int):
        super().__init__()
        self.points = points
        self.fine = nn.Conv2d(channels, WIDTH, 1, bias=False)
        self.coarse = nn.Conv2d(coarse_channels, WIDTH, 1, bias=False)
        self.tuned = nn.ModuleList(
            [nn.Conv2d(tuned_channels, WIDTH, 2, 2, bias=False)]
            + [nn.Conv2d(tuned_channels, WIDTH, 1, bias=False) for _ in range(2)]
        )
        for layer in self.tuned:
            nn.init.normal_(layer.weight, std=1e-3)
        self.norm = nn.BatchNorm2d(WIDTH)
        self.blocks = nn.Sequential(Block(WIDTH), Block(WIDTH), Block(WIDTH))
        self.surroundings = Surroundings(WIDTH)
        self.last = Block(WIDTH)
        nn.init.zeros_(self.last.norm.weight)
        self.read = nn.Conv2d(WIDTH, 6 + 2 * points, 1)
        nn.init.normal_(self.read.weight, std=1e-3)
        self.read.bias.data = torch.tensor([RARE_LOGIT, 0, 0, 0, 1, 0] + [0.0] * (2 * points))
        self.register_buffer("start", torch.tensor(POINT_START), persistent=False)

    def forward(
        self, memory: Tensor, backbone: Tensor, coarse: Tensor, tuned: list[Tensor], stride: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Logits (B, cells), views (B, cells, 4) and points (B, cells, P, 2) px. Maps (B, C, H, W)."""
        finer, same, coarser = (layer(values) for layer, values in zip(self.tuned, tuned, strict=True))
        x = self.fine(torch.cat([memory, backbone], 1)) + finer + same
        x = x + enlarge(self.coarse(coarse) + coarser)
        x = self.surroundings(self.blocks(torch.relu(self.norm(x))))
        x = self.read(self.last(x)).float()
        height, width = x.shape[-2:]
        x = x.flatten(2).transpose(1, 2)  # (B, cells, values)
        line, column = torch.arange(width, device=x.device), torch.arange(height, device=x.device)
        cells = torch.stack(torch.meshgrid(line, column, indexing="xy"), -1).reshape(-1, 2)
        size = SIZE_UNIT * x[..., 3:4].clamp(-3, 3).exp()
        centre = (cells + 0.5) * stride - 0.5 + x[..., 1:3] * stride
        views = torch.cat([centre, size, torch.atan2(x[..., 5:6], x[..., 4:5])], -1)
        points = to_pixels(self.start + 0.1 * x[..., 6:].unflatten(-1, (self.points, 2)), views)
        return x[..., 0], views, points


def own_candidates(detection: Detection) -> Candidates:
    """The instances of a detector that knows hands of all kinds."""
    boxes = detection.boxes.float()
    nowhere = boxes.new_zeros(*boxes.shape[:2], 0, 2)
    return Candidates(
        boxes=boxes,
        views=box_views(boxes),
        points=nowhere if detection.keypoints is None else detection.keypoints,
        logits=logits_of(detection.scores),
        queries=detection.queries,
        level=None,
        cell=None,
        trained=torch.zeros(boxes.shape[1], dtype=torch.bool, device=boxes.device),
    )


def palm_candidates(detection: Detection, values: list[Tensor], finder: HandFinder) -> Candidates:
    """The palm detector's anchors, then the trained head's cells. values: the side tuning's maps."""
    level = list(detection.backbone_strides).index(detection.memory_strides[0])
    logits, views, points = finder(
        detection.memory[0], detection.backbone[level], detection.memory[1], values, detection.memory_strides[0]
    )
    cell = torch.arange(logits.shape[1], device=logits.device)
    views = torch.cat([palm_views(detection.boxes, detection.keypoints), views], 1)
    return Candidates(
        boxes=view_boxes(views),
        views=views,
        points=torch.cat([detection.keypoints, points], 1),
        logits=torch.cat([logits_of(detection.scores), logits], 1),
        queries=None,
        level=torch.cat([detection.level, torch.zeros_like(cell)]),
        cell=torch.cat([detection.cell, cell]),
        trained=torch.cat([torch.zeros_like(detection.cell), torch.ones_like(cell)]).bool(),
    )


def logits_of(scores: Tensor) -> Tensor:
    """Logits of a detector's scores, which may be 0 or 1."""
    return torch.logit(scores.float().clamp(1e-6, 1 - 1e-6))
