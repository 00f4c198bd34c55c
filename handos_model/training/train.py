"""`handos train RECIPE`: the training loop, checkpoints and resume."""

from __future__ import annotations

import math
import os
import time
from collections import defaultdict
from copy import deepcopy
from dataclasses import asdict
from pathlib import Path

import torch
import yaml
from torch import Tensor, distributed
from torch.utils.tensorboard import SummaryWriter

from handos_model.network.candidates import Candidates
from handos_model.network.handos import HandOS
from handos_model.network.palm_detector import PalmDetector
from handos_model.template import load_template, signed_volume
from handos_model.training.batches import batches, hand_boxes
from handos_model.training.criterion import SIGNS, Criterion, hand_size
from handos_model.training.finding import finder_terms
from handos_model.training.matcher import select_instances
from handos_model.training.recipe import Recipe, read_recipe

LABELS = ("K", "joints_2d", "joints_3d", "vertices", "side", "has_3d", "has_vertices")


def build_network(recipe: Recipe) -> HandOS:
    """The recipe's network with a fresh decoder on the embedded detector."""
    torch.manual_seed(recipe.seed)
    return HandOS(PalmDetector(), load_template(), recipe.decoder, list(recipe.side_widths), recipe.side_tuning)


class Trainer:
    """One run in one folder: network, averaged weights, optimiser, and how far it has come."""

    def __init__(self, recipe: Recipe, folder: Path):
        self.recipe, self.folder = recipe, folder
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        if self.device.type == "cpu":
            torch.set_num_threads(recipe.threads)
        self.network = build_network(recipe).to(self.device).to(memory_format=torch.channels_last)
        template = load_template()
        self.criterion = Criterion(
            torch.tensor(template.faces).long().to(self.device),
            float(hand_size(torch.tensor(template.joints)[None])),
            float(signed_volume(template.vertices, template.faces)),
            recipe.weights,
        )
        self.step, self.seconds, self.agreed_seconds = 0, 0.0, 0.0
        if recipe.start_from:
            self.network.load_trainable_state(load_weights(Path(recipe.start_from)))
        trained = [p for p in self.network.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(
            trained, recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True
        )
        self.averaged = deepcopy(self.network.trainable_state())
        if (folder / "checkpoint.pt").is_file():
            self.resume()

    def resume(self) -> None:
        """Continue from the folder's checkpoint. weights_only: a checkpoint runs no code of its own."""
        state = torch.load(self.folder / "checkpoint.pt", map_location=self.device, weights_only=True)
        self.network.load_trainable_state(state["network"])
        self.averaged = state["averaged"]
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.seconds = state["step"], state["seconds"]

    def save(self) -> None:
        """Write the checkpoint, whole or not at all."""
        state = {
            "network": self.network.trainable_state(),
            "averaged": self.averaged,
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
        }
        torch.save(state, self.folder / "checkpoint.tmp")
        (self.folder / "checkpoint.tmp").replace(self.folder / "checkpoint.pt")

    def rate(self) -> float:
        """Learning rate now: warm-up, constant, cosine to zero as the run's time or steps are used up."""
        recipe = self.recipe
        progress = min(1.0, max(self.agreed_seconds / (60 * recipe.minutes), self.step / recipe.max_steps))
        fall = max(0.0, progress - recipe.decay_from) / max(1e-6, 1 - recipe.decay_from)
        warm = min(1.0, (self.step + 1) / recipe.warmup_steps)
        return recipe.learning_rate * warm * (1 + math.cos(math.pi * fall)) / 2

    def learn(self, batch: dict[str, Tensor]) -> dict[str, float]:
        """One optimiser step."""
        batch = {k: v.to(self.device, non_blocking=True) for k, v in batch.items()}
        images = batch["images"].to(memory_format=torch.channels_last).float() / 255
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.recipe.bf16):
            detection, values, candidates = self.network.detect(images)
            indices, assigned = self.assign(batch, candidates)
            # Images without a hand to learn from are not decoded, but for one where none has any.
            shown = (assigned >= 0).any(1)
            shown = shown.nonzero()[:, 0] if shown.any() else shown.new_zeros(1, dtype=torch.long)
            indices, assigned = indices[shown], assigned[shown]
            hands = {name: batch[name][shown] for name in LABELS}
            seen, maps, places = detection.of(shown), [v[shown] for v in values], candidates.of(shown)
            sides = true_sides(hands["side"], assigned)
            outputs = self.network.decode(seen, maps, places, indices, self.recipe.stage, sides)
        rows = torch.arange(len(indices), device=self.device)[:, None]
        loss, terms = self.criterion(outputs, hands, places.views[rows, indices].detach(), assigned)
        found = {}
        if self.network.finder is not None:
            found = finder_terms(candidates, batch, detection.memory_strides[0])
        loss = loss + sum(getattr(self.recipe.weights, name) * value for name, value in found.items())
        terms |= {name: float(value.detach()) for name, value in found.items()}
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.agree()
        trained = self.optimizer.param_groups[0]["params"]
        norm = torch.nn.utils.clip_grad_norm_(trained, self.recipe.clip)
        if torch.isfinite(norm):
            self.optimizer.step()
        self.average()
        self.step += 1
        return terms | {"loss": float(loss.detach()), "hands": float((assigned >= 0).sum())}

    def agree(self) -> None:
        """Average gradients, and the time used, over all processes: they take the same step at the same rate."""
        self.agreed_seconds = self.seconds
        if not distributed.is_initialized():
            return
        gradients = [p.grad for p in self.optimizer.param_groups[0]["params"] if p.grad is not None]
        flat = torch.cat([g.flatten() for g in gradients] + [torch.tensor([self.seconds], device=self.device)])
        distributed.all_reduce(flat)
        flat /= distributed.get_world_size()
        for gradient, part in zip(gradients, flat[:-1].split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(part.view_as(gradient))
        self.agreed_seconds = float(flat[-1])

    def assign(self, batch: dict[str, Tensor], candidates: Candidates) -> tuple[Tensor, Tensor]:
        """SimOTA over the batch."""
        boxes = hand_boxes(batch["joints_2d"])
        targets = [b[:n] for b, n in zip(boxes, batch["count"], strict=True)]
        boxes, scores = candidates.boxes.detach(), candidates.scores.detach()
        return select_instances(boxes, scores, targets, self.recipe.slots)

    @torch.no_grad()
    def average(self) -> None:
        """Exponential moving average of the weights, faster while the run is young."""
        keep = min(self.recipe.ema, (self.step + 1) / (self.step + 10))
        for name, value in self.network.trainable_state().items():
            if value.is_floating_point():
                self.averaged[name].lerp_(value, 1 - keep)

    def run(self) -> None:
        """Train until the recipe's time or steps are used up."""
        recipe, first = self.recipe, process_rank() == 0
        log = SummaryWriter(self.folder / "log") if first else None
        sums, since, saved = defaultdict(float), 0, time.monotonic()
        for batch in batches(recipe, self.step, process_rank()):
            begin = time.monotonic()
            for name, value in self.learn(batch).items():
                sums[name] += value
            now = time.monotonic()
            self.seconds += now - begin if since else 0.0  # the first step also waits for the workers
            since += 1
            if first and since % 50 == 0:
                self.report(log, {k: v / 50 for k, v in sums.items()})
                sums.clear()
            if first and now - saved > 60 * recipe.checkpoint_minutes:
                self.save()
                saved = now
            if self.agreed_seconds > 60 * recipe.minutes or self.step >= recipe.max_steps:
                break
        if first:
            self.save()
            log.close()

    def report(self, log: SummaryWriter, means: dict[str, float]) -> None:
        """TensorBoard and one line on the console."""
        for name, value in means.items():
            log.add_scalar(name, value, self.step)
        line = " ".join(f"{k} {v:.3f}" for k, v in means.items())
        rate = self.step * self.recipe.batch_size * process_count() / max(self.seconds, 1e-6)
        print(f"step {self.step} {self.seconds / 60:.1f} min {rate:.0f} img/s lr {self.rate():.1e} {line}", flush=True)


def true_sides(side: Tensor, assigned: Tensor) -> Tensor:
    """Sides (B, N) of the hands that instances are trained on: 1 right, -1 left, 0 unknown or no hand."""
    signs = SIGNS.to(side.device)[side.long()].gather(1, assigned.clamp(min=0))
    return torch.where(assigned >= 0, signs, 0.0)


def process_rank() -> int:
    """Number of this process among those that `torchrun` started; 0 when alone."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def process_count() -> int:
    """How many processes train together."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def load_weights(path: Path) -> dict[str, Tensor]:
    """Averaged weights of a checkpoint.pt, or the arrays of a .npz."""
    if not path.is_file():
        raise FileNotFoundError(f"no weights at {path}: give a run's checkpoint.pt or a .npz of trained weights")
    if path.suffix == ".npz":
        import numpy as np

        with np.load(path, allow_pickle=False) as arrays:
            return {name: torch.from_numpy(arrays[name]).float() for name in arrays.files}
    return torch.load(path, map_location="cpu", weights_only=True)["averaged"]


def mean_weights(runs: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """The mean of the weights of several runs; ValueError where they do not have the same ones."""
    shapes = [{(name, value.shape) for name, value in run.items()} for run in runs]
    if different := set.union(*shapes) - set.intersection(*shapes):
        name = min(name for name, _ in different)
        raise ValueError(f"the checkpoints are of different networks: {name} is not the same in all of them")
    return {name: sum(run[name].float() for run in runs) / len(runs) for name in runs[0]}


def train(recipe_path: Path, folder: Path) -> None:
    """Train a recipe in `folder`, or continue there."""
    recipe = read_recipe(recipe_path)
    if "RANK" in os.environ and not distributed.is_initialized():
        distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "recipe.yaml").write_text(yaml.safe_dump(asdict(recipe), sort_keys=False))
    Trainer(recipe, folder).run()
