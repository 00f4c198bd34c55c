"""Renders that training never sees: from a seed that it cannot have, in front of backgrounds that it leaves out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from handos_model.data.photos import held_out_backgrounds
from handos_model.data.pool import MIN_VISIBLE
from handos_model.data.sample import Sample
from handos_model.synthetic.hand_render import Render, render_hands
from handos_model.synthetic.render_options import RenderOptions

SEED = (0x68656C64, 0x6F7574)
"""Followed by the frame's index: pools are seeded with fewer numbers, so no pool can repeat these frames."""
MIN_SIZE = 60.0
"""px, longer side of the part of a hand that is in the picture: hands up to this size are masked."""


def held_out_renders(photos: Path, count: int) -> Iterator[Sample]:
    """`count` frames of 256x256 px with exact labels; `photos` is the folder that holds backgrounds/."""
    held_out = held_out_backgrounds()
    missing = sorted(name for name in held_out if not (photos / name).is_file())
    if missing:
        first = photos / missing[0]
        raise FileNotFoundError(f"no photo at {first}: {len(missing)} of the held-out backgrounds are missing")
    others = {path.relative_to(photos).as_posix() for path in (photos / "backgrounds").rglob("*.*")} - held_out
    options = RenderOptions(backgrounds=photos / "backgrounds", excluded=frozenset(others))
    for index in range(count):
        yield as_sample(render_hands(np.random.default_rng((*SEED, index)), options))


def as_sample(frame: Render) -> Sample:
    """The frame with small and hidden hands masked."""
    n = len(frame.side)
    return Sample(
        image=frame.image,
        K=frame.K,
        joints_2d=frame.joints_2d,
        joints_3d=frame.joints_3d,
        vertices=frame.vertices,
        side=frame.side,
        has_3d=np.ones(n, bool),
        has_vertices=np.ones(n, bool),
        ignore=np.array([_masked(joints, frame.image.shape) for joints in frame.joints_2d], bool),
        complete=True,
    ).check()


def _masked(joints: np.ndarray, shape: tuple[int, ...]) -> bool:
    inside = np.clip(joints[:, :2], 0, [shape[1] - 1, shape[0] - 1])
    return float(np.ptp(inside, axis=0).max()) <= MIN_SIZE or int((joints[:, 2] == 2).sum()) < MIN_VISIBLE
