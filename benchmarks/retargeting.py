"""Robot hands driven by our joints and by MediaPipe's over the video of dex-retargeting: how far their angles differ.

    python benchmarks/retargeting.py --data DATA --robots dex-urdf/robots/hands [--hands leap allegro shadow inspire]

MediaPipe's joints are those that came with the video (data set `video`). Both go through dex-retargeting's own vector
configurations. Prints, over all frames and joints of a robot: the median difference of angles, and the mean length of
second differences, by which a robot trembles; with --joints the median of each joint. Needs dex_retargeting.
"""

from __future__ import annotations

from pathlib import Path

import dex_retargeting
import numpy as np
from dex_retargeting.retargeting_config import RetargetingConfig
from script import at_least, options, run_script

from handos_model import HandFollower, HandPredictor
from handos_model.io.inputs import open_inputs
from handos_model.kinematics import retargeting_joints

CONFIGS = Path(dex_retargeting.__file__).parent / "configs" / "teleop"
CONFIG = "_hand_right.yml"  # of a vector retargeting, after the name of the robot
VIDEO, POINTS = "video/human_hand_video.mp4", "video/human_hand_retargeting_joints.npz"


def our_points(video: Path, most: int) -> np.ndarray:
    """Joints (N, 21, 3) m of the right hand, NaN where none was seen."""
    follower = HandFollower(HandPredictor())
    points = []
    for frame, _ in zip(open_inputs([str(video)])[0], range(most), strict=False):
        hands = follower.follow(frame.image, frame.stamp_ns / 1e9)
        best = max((hand for hand in hands if hand.side == "right"), key=lambda hand: hand.score, default=None)
        points.append(np.full((21, 3), np.nan) if best is None else retargeting_joints(best.joints_3d, best.side))
    return np.array(points)


def configured(robot: str) -> RetargetingConfig:
    """The configuration of a robot; ValueError if its URDF file is not there."""
    return RetargetingConfig.load_from_file(str(CONFIGS / f"{robot}{CONFIG}"))


def driven(robot: str, points: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Angles (N, J) in degrees of a robot that follows points, NaN where there are none, and its joints' names."""
    retargeting = configured(robot).build()
    origins, targets = retargeting.optimizer.target_link_human_indices
    nothing = np.full(len(retargeting.joint_names), np.nan)
    angles = [retargeting.retarget(p[targets] - p[origins]) if np.isfinite(p).all() else nothing for p in points]
    return np.degrees(angles), retargeting.joint_names


def trembling(angles: np.ndarray) -> float:
    return float(np.nanmean(np.abs(np.diff(angles, 2, axis=0))))


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--robots", type=Path, required=True, help="folder with the URDF files of the robots")
    known = sorted(path.name.removesuffix(CONFIG) for path in CONFIGS.glob(f"*{CONFIG}"))
    parser.add_argument("--hands", nargs="+", choices=known, default=["leap", "allegro", "shadow", "inspire"])
    parser.add_argument("--most", type=at_least(1), default=10_000, help="frames")
    parser.add_argument("--joints", action="store_true")
    args = parser.parse_args()
    RetargetingConfig.set_default_urdf_dir(str(args.robots))
    for robot in args.hands:
        configured(robot)  # what is missing is said before the video is read
    with np.load(args.data / POINTS) as file:
        theirs = file["joints"]
    ours = our_points(args.data / VIDEO, args.most)
    print(f"{np.isfinite(ours).all(axis=(1, 2)).sum()} of {len(ours)} frames")
    for robot in args.hands:
        (a, names), (b, _) = driven(robot, ours), driven(robot, theirs[: len(ours)])
        difference = np.abs(a - b)
        print(
            f"{robot}: {np.nanmedian(difference):.2f} degrees apart, trembles {trembling(a):.2f} ({trembling(b):.2f})"
        )
        if args.joints:
            each = zip(names, np.nanmedian(difference, axis=0), strict=True)
            print("  " + ", ".join(f"{name} {median:.1f}" for name, median in each))


if __name__ == "__main__":
    run_script(main)
