"""Cost of a network: parameters and FLOPs of detector and decoder, time of each stage, memory.

FLOPs are torch's count of matrix products and convolutions, with a multiplication and an addition as two; papers often
call one multiply-accumulate a FLOP, which gives half as many. Sampling, norms and activations are not counted.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from handos_model.network.candidates import Candidates
from handos_model.network.detectors.detector import Detection
from handos_model.network.handos import HandOS

PAPER_COST = (301.0, 108.0)
"""GFLOPs of the paper's detector with side tuning, and of each hand (supplement, section VII)."""
RUNS = 5
Result = TypeVar("Result")


@dataclass(frozen=True)
class Cost:
    """Costs of one image with `hands` hands. Milliseconds are medians on `device`."""

    width: int
    height: int
    hands: int
    device: str
    detector_parameters: int
    trained_parameters: int
    detector_gflops: float
    side_gflops: float  # side tuning, and what the decoder does once per image
    hand_gflops: float  # each hand
    detector_ms: float
    side_ms: float
    decoder_ms: float  # all hands
    memory_mb: float  # peak: of the process on a CPU, of the tensors on a GPU


def chosen_device(wanted: str) -> str:
    """ "cuda" or "cpu" for "auto", "cuda" or "cpu"; ValueError for another word, and for a CUDA that is not there."""
    if wanted not in ("auto", "cpu", "cuda"):
        raise ValueError(f"device is {wanted!r}, must be one of auto, cpu, cuda")
    if wanted == "cuda" and not torch.cuda.is_available():
        raise ValueError('device is "cuda", but torch finds no CUDA device')
    return "cuda" if wanted != "cpu" and torch.cuda.is_available() else "cpu"


def measure(network: HandOS, width: int, height: int, hands: int, device: str = "cpu") -> Cost:
    """The costs of `network` on images of width x height px; afterwards the network has no gradients.

    Raises ValueError for sizes that it does not accept.
    """
    multiple, fixed = network.detector.multiple, network.detector.fixed
    if fixed and (height, width) != fixed:
        raise ValueError(f"the image is {width}x{height} px, this detector only takes {fixed[1]}x{fixed[0]}")
    if width < 1 or height < 1 or width % multiple or height % multiple:
        raise ValueError(f"the image is {width}x{height} px, both must be multiples of {multiple}")
    if hands < 1:
        raise ValueError(f"hands is {hands}, must be 1 or more")
    flops = count(network, width, height)
    network = network.to(device).eval()
    if device != "cpu":
        torch.cuda.reset_peak_memory_stats()
    times = stage_times(network, torch.rand(1, 3, height, width, device=device), hands)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    if device != "cpu":
        peak = torch.cuda.max_memory_allocated() / 1e6
    own = parameters(network.detector)
    return Cost(width, height, hands, device, own, parameters(network) - own, *flops, *times, peak)


def parameters(module: nn.Module) -> int:
    """Number of parameters of a module."""
    return sum(p.numel() for p in module.parameters())


def count(network: HandOS, width: int, height: int) -> tuple[float, float, float]:
    """GFLOPs of the detector, of side tuning and the rest per image, of each hand."""
    network = network.cpu().eval().requires_grad_(False)  # the counter fails on views of parameters
    images = torch.rand(1, 3, height, width)
    detector, detection = gflops(lambda: network.detector(images))
    proposing, places = gflops(lambda: network.propose(images, detection))
    one, two = (gflops(partial(network.decode, *places, some(n, places)))[0] for n in (1, 2))
    return detector, proposing + 2 * one - two, two - one


def gflops(run: Callable[[], Result]) -> tuple[float, Result]:
    """Billions of operations in a call, and what it returns."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        result = run()
    return counter.get_total_flops() / 1e9, result


def some(hands: int, places: tuple[Detection, list[Tensor], Candidates]) -> Tensor:
    """Instances (1, hands) of one image: the first ones, repeated if it has fewer, as a view of one hand has."""
    boxes = places[2].boxes
    return torch.arange(hands, device=boxes.device)[None] % boxes.shape[1]


@torch.no_grad()
def stage_times(network: HandOS, images: Tensor, hands: int) -> tuple[float, float, float]:
    """Median ms of the detector, of side tuning with the candidates, and of decoding `hands` hands."""
    device = images.device.type
    detection = network.detector(images)
    places = network.propose(images, detection)
    indices = some(hands, places)
    detector = median_ms(lambda: network.detector(images), device)
    proposing = median_ms(lambda: network.propose(images, detection), device)
    return detector, proposing, median_ms(lambda: network.decode(*places, indices), device)


def median_ms(run: Callable[[], Any], device: str) -> float:
    """Median time of a call, after a first one that does not count."""
    times = []
    for _ in range(RUNS + 1):
        start = time.perf_counter()
        run()
        if device != "cpu":
            torch.cuda.synchronize()
        times.append(1e3 * (time.perf_counter() - start))
    return sorted(times[1:])[RUNS // 2]


def report(cost: Cost) -> str:
    """The costs as text, next to the paper's."""
    per_image = cost.detector_gflops + cost.side_gflops
    lines = [
        f"{cost.width}x{cost.height} px, {cost.hands} hands, {cost.device}",
        f"parameters: detector {cost.detector_parameters / 1e6:.1f} M, trained {cost.trained_parameters / 1e6:.1f} M",
        f"GFLOPs: detector {cost.detector_gflops:.2f}, side tuning {cost.side_gflops:.2f}, hand {cost.hand_gflops:.2f}",
        f"in all: ({per_image:.1f} + {cost.hand_gflops:.2f} H) GFLOPs, "
        f"({per_image / 2:.1f} + {cost.hand_gflops / 2:.2f} H) G multiply-accumulates",
        f"paper: ({PAPER_COST[0]:.0f} + {PAPER_COST[1]:.0f} H) GFLOPs at a long edge of 1280 px",
        f"ms: detector {cost.detector_ms:.1f}, side tuning {cost.side_ms:.1f}, decoder {cost.decoder_ms:.1f}",
        f"memory: {cost.memory_mb:.0f} MB",
    ]
    return "\n".join(lines)
