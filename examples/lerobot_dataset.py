"""Makes a LeRobot data set of recordings of people: images, hands as states, and the next state as the action.

    handos predict demos/ --track --out 'results/{}.jsonl'
    python examples/lerobot_dataset.py DATASET demos/*.mp4 --results results --task "pick up the cup" --fps 30

Needs `pip install lerobot` beside this package (tried with 0.4.4). Each recording, video or bag, is an episode. A state
is, for the left and then the right hand: seen (1 or 0), the wrist in the camera's frame (m; quaternion x, y, z, w), and
the angles of joint_rotations (rad). A hand that is not seen keeps its last state, zeros before it was ever seen.
"""

import argparse
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from handos_model.hand import FINGERS
from handos_model.io.inputs import open_inputs, short_name
from handos_model.kinematics import joint_rotations

SIDES = ("left", "right")
ANGLES = ("abduction", "flexion_1", "flexion_2", "flexion_3")
OF_A_HAND = ("seen", *"xyz", *(f"q{axis}" for axis in "xyzw"), *(f"{f}_{a}" for f in FINGERS for a in ANGLES))
NAMES = [f"{side}_{name}" for side in SIDES for name in OF_A_HAND]
IMAGES = "observation.images.camera"


def states(records: list[dict]) -> np.ndarray:
    """States (N, 56) of the records of one recording, in the order of NAMES."""
    found = np.zeros((len(records), len(SIDES), len(OF_A_HAND)), np.float32)
    for frame, record in enumerate(records):
        found[frame] = found[max(frame - 1, 0)]
        found[frame, :, 0] = 0
        for number, side in enumerate(SIDES):
            seen = [hand for hand in record["hands"] if hand["side"] == side and hand["wrist"]["orientation"]]
            if seen:
                hand = max(seen, key=lambda hand: hand["score"])
                turn = np.array(hand["wrist"]["orientation"])
                turn *= -1 if turn @ found[frame, number, 4:8] < 0 else 1  # q and -q are the same turn: no jumps
                angles = joint_rotations(np.array(hand["joints_3d"]), side)
                found[frame, number] = [1, *hand["wrist"]["position"], *turn, *angles.ravel()]
    return found.reshape(len(records), -1)


def at_rate(frames: Iterable[tuple[int, Any]], fps: int) -> Iterator[Any]:
    """The frame of every 1/fps s, the last one up to half of that later, of frames with stamps in ns."""
    start, ticks, last = None, 0, None
    for stamp, frame in frames:
        start = stamp if start is None else start
        while stamp > start + (ticks + 0.5) * 1e9 / fps:
            yield last
            ticks += 1
        last = frame
    if start is not None:
        yield last


def read(recording: Path, records: list[dict]) -> Iterator[tuple[int, np.ndarray]]:
    """Stamp in ns and image (H, W, 3) of the frames that have a record.

    Mirror images (--mirrored) are turned over, since states are those of the real hands.
    """
    known = {record["image"]: record for record in records}
    for frame in open_inputs([str(recording)])[0]:
        if frame.image is not None and (record := known.get(frame.name)):
            image = np.ascontiguousarray(frame.image[:, ::-1]) if record.get("mirrored") else frame.image
            yield record["stamp_ns"], image


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path, help="folder that is made")
    parser.add_argument("recordings", type=Path, nargs="+")
    parser.add_argument("--results", type=Path, required=True, help="folder of the .jsonl of each recording")
    parser.add_argument("--task", required=True, help="what is done in them, in words")
    parser.add_argument("--fps", type=int, default=30)
    parser.add_argument("--repo-id", default="local/hands", help="the data set's name on the hub")
    args = parser.parse_args()
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    dataset = None
    for recording in args.recordings:
        with (args.results / f"{short_name(str(recording))}.jsonl").open() as lines:
            records = [json.loads(line) for line in lines]
        if dataset is None:
            size = (records[0]["height"], records[0]["width"], 3)
            vector = {"dtype": "float32", "shape": (len(NAMES),), "names": NAMES}
            image = {"dtype": "video", "shape": size, "names": ["height", "width", "channels"]}
            features = {"observation.state": vector, "action": vector, IMAGES: image}
            dataset = LeRobotDataset.create(args.repo_id, args.fps, features, root=args.dataset)
        kept = list(at_rate(((record["stamp_ns"], number) for number, record in enumerate(records)), args.fps))
        state = states(records)[kept]
        action = np.concatenate([state[1:], state[-1:]])
        images = at_rate(read(recording, records), args.fps)
        for now, following, picture in zip(state, action, images, strict=True):
            dataset.add_frame({"observation.state": now, "action": following, IMAGES: picture, "task": args.task})
        dataset.save_episode()
    dataset.finalize()
    print(f"{args.dataset}: {dataset.num_episodes} episodes, {dataset.num_frames} frames")


if __name__ == "__main__":
    main()
