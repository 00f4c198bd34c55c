"""Tests whether the paper's decoder can learn: it overfits 32 renders on a small, random, frozen Grounding DINO.

    python benchmarks/overfit.py

First the 2D stage, then the full one from its weights, as in the paper's training. Prints the mean 2D error as a
fraction of the hand's long edge, and PA-MPJPE in mm; if that is below 5 mm, the decoder, the losses and the gradient
through them work. It says nothing about a detector's features. It needs the [train] extra and takes about
twelve minutes of one core.
"""

from __future__ import annotations

import json
import math
import time
from typing import Any

import numpy as np
import torch
from cost import small_detector
from script import at_least, options, run_script
from torch import Tensor

from handos_model.evaluation.metrics import aligned_errors
from handos_model.evaluation.renders import as_sample
from handos_model.network.candidates import own_candidates
from handos_model.network.decoder import DecoderSize
from handos_model.network.detectors.grounding_dino import GroundingDino
from handos_model.network.handos import HandOS
from handos_model.synthetic.hand_render import render_hands
from handos_model.synthetic.render_options import RenderOptions
from handos_model.template.hand_template import signed_volume
from handos_model.template.load import load_template
from handos_model.training.batches import collate
from handos_model.training.objective.criterion import Criterion, LossWeights, hand_size
from handos_model.training.objective.matcher import simota
from handos_model.training.objective.term import label_totals
from handos_model.training.step import LABEL_KEYS

SIZE = 256  # px of a render
QUERIES = 1300  # nearly every cell: random weights do not know which cells show a hand
BATCH = 8  # images of a step
BAR = 5.0  # mm
DECODER = DecoderSize(
    shared_heads=True, own_values=True, d_model=64, d_value=64, heads=4, self_heads=4, points_3d=4,
    feedforward=128, layers_2d=2, layers_3d=4,
)  # fmt: skip
WEIGHTS = LossWeights(side=0, volume=0)


def random_detector() -> GroundingDino:
    """A small Grounding DINO as transformers starts it: its boxes are the cells' anchors."""
    torch.manual_seed(0)
    return small_detector(layers=2, queries=QUERIES, image_size=SIZE, window_size=4)


def renders(count: int) -> dict[str, Tensor]:
    """A batch of renders of one hand each, left and right."""
    options = RenderOptions(width=SIZE, height=SIZE, hand_size=(0.35, 0.5), hands=(0.0, 1.0, 0.0))
    return collate([as_sample(render_hands(np.random.default_rng((7, i)), options)) for i in range(count)])


class Fit:
    """A network and the hands that it learns; the frozen detector has looked at their images once."""

    def __init__(self, count: int):
        template = load_template()
        self.batch = renders(count)
        self.network = HandOS(random_detector(), template, DECODER, [32] * 4, "backbone").train()
        self.images = self.batch["images"].float() / 255
        self.detection = self.network.detector(self.images)
        self.candidates = own_candidates(self.detection)
        self.indices = self.nearest_instances()
        self.criterion = Criterion(
            torch.tensor(template.faces).long(),
            float(hand_size(torch.tensor(template.joints)[None])),
            float(signed_volume(template.vertices, template.faces)),
            WEIGHTS,
        )

    def nearest_instances(self) -> Tensor:
        """The best of the instances that SimOTA gives to each image's hand (B, 1)."""
        targets = self.batch["boxes"][:, :1]
        scores = torch.ones_like(self.candidates.scores)  # random ones say nothing
        images = zip(self.candidates.boxes, scores, targets, strict=True)
        return torch.stack([simota(boxes, likely, target, max_queries=1)[0][:1] for boxes, likely, target in images])

    def decode(self, stage: str, rows: Tensor) -> list[dict[str, Tensor]]:
        """Every layer's hands in some of the images, rows (n,)."""
        detection = self.detection.of(rows)
        values = self.network.side_tuning(self.images[rows], detection)
        return self.network.decode(detection, values, self.candidates.of(rows), self.indices[rows], stage)

    def loss(self, stage: str, rows: Tensor) -> Tensor:
        """The loss of the images `rows` (n,)."""
        batch, indices = {name: value[rows] for name, value in self.batch.items()}, self.indices[rows]
        views = self.candidates.views[rows].gather(1, indices[..., None].expand(-1, -1, 4))
        hands = {name: batch[name] for name in LABEL_KEYS}
        assigned, totals = torch.zeros_like(indices), label_totals(batch, 1)
        return self.criterion(self.decode(stage, rows), hands, views, assigned, totals)[0]

    def train(self, stage: str, steps: int, rate: float) -> None:
        """Adam at a rate that falls on a cosine, on BATCH of the images in every step."""
        trained = [p for p in self.network.parameters() if p.requires_grad]
        optimizer = torch.optim.Adam(trained, rate)
        for step in range(steps):
            optimizer.param_groups[0]["lr"] = rate * min(1, step / 20) * (1 + math.cos(math.pi * step / steps)) / 2
            loss = self.loss(stage, torch.randperm(len(self.images))[:BATCH])
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(trained, 10.0)
            optimizer.step()
            if step % 100 == 0:
                print(f"{stage} step {step} loss {float(loss.detach()):.2f} {self.errors(stage)}", flush=True)

    @torch.no_grad()
    def errors(self, stage: str) -> dict[str, float]:
        """Mean 2D error in shares of the hand's long edge; PA-MPJPE in mm and sides right in the full stage."""
        last = self.decode(stage, torch.arange(len(self.images)))[-1]
        joints = self.batch["joints_2d"][:, 0, :, :2]
        edge = (joints.amax(1) - joints.amin(1)).amax(1)
        off = (last["pred_joints_2d"][:, 0] - joints).norm(dim=-1).mean(1) / edge
        found: dict[str, Any] = {"2d": round(float(off.mean()), 4)}
        if stage == "full":
            labels = self.batch["joints_3d"][:, 0].numpy()
            pairs = zip(last["pred_joints_3d"][:, 0].numpy(), labels, strict=True)
            found["pa_mpjpe_mm"] = round(float(np.mean([aligned_errors(p, t).mean() for p, t in pairs])) * 1000, 2)
            right = self.network.decoder.right(last)[:, 0] > 0.5
            found["side"] = round(float((right == (self.batch["side"][:, 0] == 1)).float().mean()), 3)
        return found


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--images", type=at_least(1), default=32)
    parser.add_argument("--steps", type=at_least(1), nargs=2, default=(400, 1500), metavar=("2D", "FULL"))
    parser.add_argument("--rate", type=float, default=2e-3)
    arguments = parser.parse_args()
    begin, fit = time.time(), Fit(arguments.images)
    before = {name: value.clone() for name, value in fit.network.detector.state_dict().items()}
    results = {}
    for stage, steps in zip(("2d", "full"), arguments.steps, strict=True):
        fit.train(stage, steps, arguments.rate)
        results[stage] = fit.errors(stage)
    unmoved = all(torch.equal(value, before[name]) for name, value in fit.network.detector.state_dict().items())
    reached = results["full"]["pa_mpjpe_mm"] < BAR
    report = results | {"detector unmoved": unmoved, "bar_mm": BAR, "reached": reached, "s": round(time.time() - begin)}
    print(json.dumps(report))


if __name__ == "__main__":
    run_script(main)
