"""Joint angles of every hand in a video: how many are within the limits of joints, and how long a fit takes.

    python benchmarks/inverse_kinematics.py docs/demo.mp4

Follows the hands as hands_node does. Prints the share of the angles that are within their limits, which must be all of
them, the distance of the possible mesh from the measured one, and the CPU time of a fit; medians over hands.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

import numpy as np
from script import options, run_script

from handos_model import Hand, HandFollower, HandPredictor
from handos_model.io.inputs import open_inputs
from handos_model.kinematics import HIGHEST, LOWEST, HandSkeleton, fit_hand
from handos_model.template.load import load_template

ROUNDING = 1e-6  # degrees


def seen(video: str) -> Iterable[Hand]:
    """The hands of every frame whose side is known."""
    follower = HandFollower(HandPredictor())
    for frame in open_inputs([video])[0]:
        if frame.image is not None:
            hands = follower.follow(frame.image, (frame.stamp_ns or 0) / 1e9, frame.camera)
            yield from (hand for hand in hands if hand.side != "unknown")


def figures(hands: Iterable[Hand]) -> dict[str, float]:
    """hands: their number; within: share of angles within limits; apart: mm between meshes; time: CPU ms of a fit."""
    skeleton = HandSkeleton(load_template())
    within, apart, times = [], [], []
    for hand in hands:
        start = time.thread_time()
        fit = fit_hand(hand, skeleton)
        times.append(1e3 * (time.thread_time() - start))
        degrees = np.degrees(fit.angles)
        within.append((degrees >= LOWEST - ROUNDING) & (degrees <= HIGHEST + ROUNDING))
        apart.append(1e3 * np.linalg.norm(fit.vertices - hand.vertices, axis=1).mean())
    if not within:
        raise ValueError("the video shows no hand whose side is known: give another one")
    return {"hands": len(within), "within": float(np.mean(within)), "apart": np.median(apart), "time": np.median(times)}


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("video")
    found = figures(seen(parser.parse_args().video))
    print("| hands | angles within limits | possible from measured mesh | CPU time of a fit |\n|---|---|---|---|")
    print("| {hands} | {within:.2%} | {apart:.1f} mm | {time:.1f} ms |".format(**found))


if __name__ == "__main__":
    run_script(main)
