"""Effects of light, cameras and occluding things on views, for batches of images (B, 3, H, H) in 0..1."""

from __future__ import annotations

import math

import torch
from numpy.random import Generator
from torch import Tensor
from torch.nn import functional as F

GROUPS = 8  # parts of a batch that share a blur


def each(values: Tensor) -> Tensor:
    """One number per image (B,), shaped to multiply images."""
    return values[:, None, None, None]


def change_colours(x: Tensor) -> Tensor:
    """White balance, mixed channels, gamma, contrast, brightness, a light from one side; sometimes no colour."""
    count, device = len(x), x.device

    def uniform() -> Tensor:
        return torch.rand(count, device=device)

    mix = torch.diag_embed(0.78 + 0.44 * torch.rand(count, 3, device=device))
    mix = mix + 0.05 * torch.randn(count, 3, 3, device=device)
    x = torch.einsum("bij,bjhw->bihw", mix, x).clamp(1e-4, 1)
    x = x ** each((0.3 * torch.randn(count, device=device)).exp())
    x = (x - 0.5) * each(0.6 + 0.7 * uniform()) + 0.5 + each(0.09 * torch.randn(count, device=device))
    line = torch.linspace(-1, 1, x.shape[-1], device=device)
    slope = 0.25 * torch.randn(count, 2, device=device) * (uniform() < 0.3)[:, None]
    light = (slope[:, :1, None] * line[None, None, :] + slope[:, 1:, None] * line[None, :, None]).exp()
    x = x * light[:, None]
    return torch.where(each(uniform() < 0.08), x.mean(1, keepdim=True), x).clamp(0, 1)


def cover(x: Tensor, chance: float) -> Tensor:
    """Boxes and ovals of one colour or of another image, in front of a share of the images, twice over."""
    count, device = len(x), x.device
    if count < 2:
        return x
    line = (torch.arange(x.shape[-1], device=device) + 0.5) / x.shape[-1]
    for _ in range(2):
        centre = torch.rand(count, 2, device=device)
        half = 0.03 + 0.14 * torch.rand(count, 2, 1, 1, device=device)
        angle = math.pi * torch.rand(count, 1, 1, device=device)
        right, down = line[None, None, :] - centre[:, :1, None], line[None, :, None] - centre[:, 1:, None]
        u = (angle.cos() * right + angle.sin() * down) / half[:, 0]
        v = (angle.cos() * down - angle.sin() * right) / half[:, 1]
        box = torch.rand(count, 1, 1, device=device) < 0.5
        inside = torch.where(box, (u.abs() < 1) & (v.abs() < 1), u**2 + v**2 < 1)
        inside = inside & (torch.rand(count, 1, 1, device=device) < chance)
        other = x.roll(int(torch.randint(1, count, (1,))), 0)
        flat = torch.rand(count, 3, 1, 1, device=device).expand_as(x)
        fill = torch.where(each(torch.rand(count, device=device) < 0.6), other, flat)
        x = torch.where(inside[:, None], fill, x)
    return x


def spoil(x: Tensor, rng: Generator, strength: float) -> Tensor:
    """Camera effects: low resolution, defocus and motion blur, noise, each of them sometimes. strength: 1 for views."""
    x = torch.cat([blurred(shrunk(part, rng, strength), rng, strength) for part in x.chunk(GROUPS)])
    count, device = len(x), x.device
    noisy = torch.rand(count, device=device) < 0.4
    amount = torch.where(noisy, 0.004 + 0.036 * torch.rand(count, device=device), 0.0)
    half = [max(1, n // 2) for n in x.shape[2:]]
    coarse = F.interpolate(torch.randn(count, 3, *half, device=device), size=x.shape[2:])
    fine = each(torch.rand(count, device=device) < 0.5)
    return (x + each(amount) * torch.where(fine, torch.randn_like(x), coarse)).clamp(0, 1)


def shrunk(x: Tensor, rng: Generator, strength: float) -> Tensor:
    """Sometimes as if the hand were far away: reduced, sometimes with noise, and enlarged again."""
    if rng.random() > 0.45:
        return x
    size = x.shape[-1]
    small = max(8, int(size * math.exp(rng.uniform(-math.log(1 + 3.5 * strength), 0))))
    x = F.interpolate(x, size=(small, small), mode="bilinear", antialias=True)
    if rng.random() < 0.3:
        x = (x + torch.randn_like(x) * rng.uniform(0.005, 0.03)).clamp(0, 1)
    return F.interpolate(x, size=(size, size), mode="bilinear" if rng.random() < 0.8 else "bicubic").clamp(0, 1)


def blurred(x: Tensor, rng: Generator, strength: float) -> Tensor:
    """Sometimes out of focus, sometimes blurred by motion."""
    kind = rng.random()
    if kind < 0.2:
        sigma = rng.uniform(0.4, 2.2 * strength + 0.3)
        reach = max(1, math.ceil(2.5 * sigma))
        line = torch.arange(-reach, reach + 1, device=x.device, dtype=x.dtype)
        kernel = torch.exp(-(line**2) / (2 * sigma**2))
        return filtered(filtered(x, kernel[None]), kernel[:, None])
    if kind < 0.38:
        return filtered(x, motion_kernel(int(rng.integers(1, 2 + int(7 * strength))), rng.uniform(0, math.pi)).to(x))
    return x


def motion_kernel(reach: int, angle: float) -> Tensor:
    """(2 reach + 1, 2 reach + 1): a line through the middle."""
    kernel = torch.zeros(2 * reach + 1, 2 * reach + 1)
    for step in torch.linspace(-reach, reach, 8 * reach + 4).tolist():
        kernel[reach + round(step * math.sin(angle)), reach + round(step * math.cos(angle))] = 1
    return kernel


def filtered(x: Tensor, kernel: Tensor) -> Tensor:
    """Every channel filtered with a kernel (h, w) of odd sizes, made to sum to 1; edges are repeated."""
    height, width = kernel.shape
    x = F.pad(x, (width // 2, width // 2, height // 2, height // 2), mode="replicate")
    return F.conv2d(x, (kernel / kernel.sum()).expand(3, 1, height, width), groups=3)
