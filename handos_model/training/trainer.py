"""`handos train RECIPE`: the training loop, checkpoints and resume."""

from __future__ import annotations

import io
import math
import time
from collections.abc import Iterator
from contextlib import nullcontext
from copy import deepcopy
from functools import cache
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs, GradientAccumulationPlugin, broadcast
from torch import Tensor, nn

from handos_model.io.files import one_line
from handos_model.network.detectors.build import build_detector
from handos_model.network.handos import HandOS
from handos_model.output.output_file import completed
from handos_model.template.hand_template import HandTemplate, signed_volume
from handos_model.template.load import load_template
from handos_model.training.batches import Mix, batches
from handos_model.training.objective.criterion import Criterion, hand_size
from handos_model.training.objective.term import Term
from handos_model.training.progress import Progress
from handos_model.training.recipe import Recipe, read_files, read_recipe
from handos_model.training.run_folder import check_recipe, started
from handos_model.training.stages.tasks import FindTask, SeeTask
from handos_model.training.step import TrainingStep
from handos_model.training.weights import read_checkpoint, start_from

CHECKPOINT = "checkpoint.pt"


def recipe_template(recipe: Recipe) -> HandTemplate:
    """The hand template whose vertices are learned."""
    return _cached_template(recipe.template)


@cache  # reading MANO's file takes seconds
def _cached_template(path: str) -> HandTemplate:
    return load_template(path or None)


def build_network(recipe: Recipe) -> HandOS:
    """The recipe's detector with a new decoder."""
    chosen = recipe.detector
    detector = build_detector(chosen.kind, chosen.source, chosen.target, chosen.memory_layer or None)
    torch.manual_seed(recipe.seed)
    template, widths = recipe_template(recipe), list(recipe.side_widths)
    return HandOS(detector, template, recipe.decoder, widths, recipe.side_tuning)


def build_criterion(recipe: Recipe, device: torch.device) -> Criterion:
    """The losses, for hands of the template's size."""
    template = recipe_template(recipe)
    return Criterion(
        torch.tensor(template.faces).long().to(device),
        float(hand_size(torch.tensor(template.joints)[None])),
        float(signed_volume(template.vertices, template.faces)),
        recipe.weights,
    )


def start_accelerator(recipe: Recipe) -> Accelerator:
    """The accelerator of this process, which is alone or one of those started by `accelerate launch` or `torchrun`."""
    accelerator = Accelerator(
        cpu=not torch.cuda.is_available(),  # else processes on a machine without GPUs would not find each other
        mixed_precision="bf16" if recipe.bf16 else "no",
        gradient_accumulation_plugin=GradientAccumulationPlugin(recipe.accumulate, sync_with_dataloader=False),
        kwargs_handlers=[DistributedDataParallelKwargs(find_unused_parameters=leaves_some_unused(recipe))],
    )
    if accelerator.device.type == "cuda":
        torch.set_float32_matmul_precision("high")  # TF32: ten bits of mantissa, and the exponents of float32
    if accelerator.device.type == "cpu":
        torch.set_num_threads(recipe.threads)
    return accelerator


def leaves_some_unused(recipe: Recipe) -> bool:
    """Whether some parameters get no gradient in a step, which DistributedDataParallel must then look for.

    Stage 2d does not use what makes vertices, and stages see and find do not use side tuning if it is off.
    """
    return recipe.stage != "full"


class WholeImages:
    """The paper's two stages: HandOS on whole images."""

    def __init__(self, recipe: Recipe):
        self.recipe, self.network = recipe, build_network(recipe)
        if self.network.detector.fixed:
            raise ValueError(
                f"stage {recipe.stage} is for images of any size, but the detector {recipe.detector.kind} only sees "
                "views of one hand: set detector to another one, or stage to see"
            )
        self.mix = Mix(recipe, recipe_template(recipe))
        self.sources, self.images = self.mix.sources, self.mix.images

    def step(self, criterion: Criterion) -> TrainingStep:
        """The module that a process trains."""
        return TrainingStep(self.network, criterion, self.recipe)

    def stream(self, start: int, rank: int, processes: int) -> Iterator[dict[str, Tensor]]:
        """Batches of process `rank` of a run that has seen `start` images."""
        return batches(self.mix, start, rank, processes)


def build_task(recipe: Recipe, device: torch.device) -> WholeImages | SeeTask | FindTask:
    """Network, loss and batches of the recipe's stage."""
    if recipe.stage == "find":
        return FindTask(recipe, device)
    return SeeTask(recipe, build_network(recipe), device) if recipe.stage == "see" else WholeImages(recipe)


class Trainer:
    """One run in one folder: network, averaged weights, optimiser, and how far it has come."""

    def __init__(self, recipe: Recipe, folder: Path):
        recipe.check_run()
        self.recipe, self.folder = recipe, folder
        self.accelerator = start_accelerator(recipe)
        self.task = build_task(recipe, self.accelerator.device)
        self.network = self.task.network
        self.step, self.samples, self.seconds = 0, 0, 0.0
        resumed = (folder / CHECKPOINT).is_file()
        if recipe.start_from and not resumed:
            report = start_from(self.network, Path(recipe.start_from))
            self.accelerator.print(report, flush=True)
        self.network.to(self.accelerator.device)
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # which torch's stubs leave out
        if self.accelerator.num_processes > 1 and self.accelerator.device.type == "cuda":
            share_batch_statistics(self.network)
        trained = [p for p in self.network.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(trained, recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True)
        self.averaged = deepcopy(self.network.trainable_state())
        if resumed:
            self.resume()
        criterion = build_criterion(recipe, self.accelerator.device)
        self.losses = self.task.step(criterion)
        self.model = self.accelerator.prepare_model(self.losses)

    @property
    def images_per_step(self) -> int:
        """Images of one optimiser step, over all processes."""
        return self.recipe.batch_size * self.recipe.accumulate * self.accelerator.num_processes

    def resume(self) -> None:
        """Continue from the folder's checkpoint."""
        state = read_checkpoint(self.folder / CHECKPOINT)
        try:
            self.network.load_trainable_state(state["network"])
        except ValueError as error:
            raise ValueError(f"{self.folder} holds the run of another network, give another folder: {error}") from error
        self.averaged = {name: value.to(self.accelerator.device) for name, value in state["averaged"].items()}
        try:
            self.optimizer.load_state_dict(state["optimizer"])
        except Exception as error:  # it processes every image
            raise ValueError(f"{self.folder / CHECKPOINT} belongs to another optimiser: {one_line(error)}") from error
        self.step, self.samples, self.seconds = state["step"], state["samples"], state["seconds"]

    def save(self) -> None:
        """Writes the checkpoint, completely or not at all. Its `samples` is the number of the next sample."""
        state = {
            "network": self.network.trainable_state(),
            "averaged": self.averaged,
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "samples": self.samples,
            "seconds": self.seconds,
            "template": self.network.template,
        }
        content = io.BytesIO()  # torch does not pass on the errors of a disk
        torch.save(state, content)
        with completed(self.folder / CHECKPOINT) as place:
            place.write_bytes(content.getbuffer())

    def progress(self) -> float:
        """Fraction of the run that is over, in the unit in which its length is given."""
        recipe = self.recipe
        if recipe.minutes:
            return self.seconds / (60 * recipe.minutes)
        return self.step / recipe.max_steps if recipe.max_steps else self.samples / (recipe.epochs * self.task.images)

    def rate(self) -> float:
        """Learning rate now: warm-up, constant, cosine to zero as the run's length is used up."""
        recipe = self.recipe
        fall = max(0.0, min(1.0, self.progress()) - recipe.decay_from) / max(1e-6, 1 - recipe.decay_from)
        warm = min(1.0, (self.step + 1) / recipe.warmup_steps)
        return recipe.learning_rate * warm * (1 + math.cos(math.pi * fall)) / 2

    def learn(self, *given: dict[str, Tensor]) -> dict[str, float]:
        """One optimiser step on this process's `accumulate` batches. Returns loss and terms over all processes."""
        device = self.accelerator.device
        parts = [{k: v.to(device, non_blocking=True) for k, v in part.items()} for part in given]
        totals = self.label_totals(parts)
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate()
        self.optimizer.zero_grad(set_to_none=True)
        # DistributedDataParallel and accumulation take means, where the loss of a step is the sum of its parts.
        whole = self.accelerator.num_processes * self.recipe.accumulate
        reports = []
        for part in parts:
            with self.accelerator.accumulate(self.model):
                loss, terms = self.model(part, totals)
                self.accelerator.backward(loss * whole)
            terms = {"loss": Term(loss.detach(), torch.full_like(loss, 1 / whole))} | terms
            reports.append(torch.stack([torch.stack(term) for term in terms.values()]))  # (terms, 2)
        self.move()
        sums = self.accelerator.reduce(torch.stack(reports).sum(0))
        report = {name: Term(*row) for name, row in zip(terms, sums, strict=True)}
        hands = report["joints_2d" if "joints_2d" in report else "finder_score"]
        return {name: float(term.mean) for name, term in report.items()} | {"hands": float(hands.weight)}

    def label_totals(self, parts: list[dict[str, Tensor]]) -> dict[str, Tensor]:
        """Numbers of labels in one optimiser step, over all processes: see term.py."""
        each = [self.losses.totals(part) for part in parts]
        sums = torch.stack([torch.stack([value.float() for value in totals.values()]) for totals in each]).sum(0)
        return dict(zip(each[0], self.accelerator.reduce(sums), strict=True))

    def move(self) -> None:
        """Applies the gradients of the whole step with the optimiser, unless one of them is not finite."""
        moved = [p for group in self.optimizer.param_groups for p in group["params"]]
        norm = self.accelerator.clip_grad_norm_(moved, self.recipe.clip)
        if torch.isfinite(norm):
            self.optimizer.step()
        self.average()
        self.step += 1
        self.samples += self.images_per_step

    @torch.no_grad()
    def average(self) -> None:
        """Exponential moving average of the weights, faster while the run is young."""
        keep = min(self.recipe.ema, (self.step + 1) / (self.step + 10))
        for name, value in self.network.trainable_state().items():
            if value.is_floating_point():
                self.averaged[name].lerp_(value, 1 - keep)

    def run(self) -> None:
        """Train until the recipe's length is used up."""
        if self.progress() >= 1:
            self.accelerator.print(f"{self.folder} has come to its end: a recipe with a greater length continues it")
        main = self.accelerator.is_main_process
        progress = Progress(self.folder, self.step, self.progress()) if main else None
        stream = self.task.stream(self.samples, self.accelerator.process_index, self.accelerator.num_processes)
        saved = time.monotonic()
        last = None  # end of the step before; the first one waits for the workers, and is not counted as training
        while self.progress() < 1:
            values = self.learn(*(next(stream) for _ in range(self.recipe.accumulate)))
            now = time.monotonic()
            self.count_time(now - last if last else 0.0)
            last = now
            if progress is not None:
                progress.add(self.step, self.images_per_step, self.progress(), values | {"rate": self.rate()})
                if now - saved >= 60 * self.recipe.checkpoint_minutes:
                    self.save()
                    saved = now
        if progress is not None:
            self.save()
            progress.close()

    def count_time(self, seconds: float) -> None:
        """Adds to the time trained, by the clock of the first process, so that all stop and lower the rate together."""
        spent = torch.tensor(seconds, dtype=torch.float64, device=self.accelerator.device)
        self.seconds += float(broadcast(spent))


def share_batch_statistics(network: nn.Module) -> None:
    """Makes batch normalisation use the batches of all processes; the detector's is frozen; gloo (CPU) lacks this."""
    for name, child in network.named_children():
        if name != "detector":
            setattr(network, name, nn.SyncBatchNorm.convert_sync_batchnorm(child))


def train(recipe_path: Path, folder: Path) -> None:
    """Train a recipe in `folder`, or continue there."""
    recipe = read_recipe(recipe_path)
    check_recipe(folder, recipe, read_files(recipe_path))
    trainer = Trainer(recipe, folder)
    accelerator, sources = trainer.accelerator, trainer.task.sources
    about = (trainer.recipe, sources, accelerator.device, accelerator.num_processes, trainer.step)
    with started(folder, *about) if accelerator.is_main_process else nullcontext():
        trainer.run()
    accelerator.end_training()
