"""How a run reports its progress: to TensorBoard, and as a bar on a terminal or occasional lines in a log file."""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from pathlib import Path

from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

EVERY = 50  # steps per point of the curves
BAR = "{percentage:5.1f}%|{bar}| {elapsed}<{remaining}{postfix}"


class Progress:
    """Progress of one process of a run. `begun`: the fraction of the run that was over when it started."""

    def __init__(self, folder: Path, step: int, begun: float):
        self.log = SummaryWriter(folder / "log", purge_step=step)  # points after the checkpoint will be made again
        self.bar = tqdm(total=1.0, initial=begun, bar_format=BAR, disable=not sys.stderr.isatty())
        self.begun, self.started = begun, time.monotonic()
        self.sums: dict[str, float] = defaultdict(float)
        self.steps = self.images = 0
        self.since = self.started

    def add(self, step: int, images: int, done: float, values: dict[str, float]) -> None:
        """Records step number `step`, which saw `images` images; done: fraction of the run that is over."""
        self.steps += 1
        self.images += images
        for name, value in values.items():
            self.sums[name] += value
        now = time.monotonic()
        rate = self.images / max(now - self.since, 1e-6)
        self.bar.set_postfix_str(f"loss {values['loss']:.3f}, {rate:.0f} img/s", refresh=False)
        self.bar.update(min(done, 1.0) - self.bar.n)
        if step % EVERY == 0:
            means = {name: total / self.steps for name, total in self.sums.items()} | {"images_per_second": rate}
            for name, value in means.items():
                self.log.add_scalar(name, value, step)
            if self.bar.disable:
                left = (now - self.started) * (1 - done) / max(done - self.begun, 1e-9)
                line = " ".join(f"{name} {value:.3g}" for name, value in means.items())
                print(f"step {step} {100 * done:.1f}% {left / 60:.0f} min left, {line}", flush=True)
            self.sums.clear()
            self.steps = self.images = 0
            self.since = now

    def close(self) -> None:
        """Writes what is still buffered."""
        self.bar.close()
        self.log.close()
