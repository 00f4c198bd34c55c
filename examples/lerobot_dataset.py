"""Makes a LeRobot data set from recordings of people: images, hands as states, and the next state as the action.

    handos predict demos/ --track --out 'results/{}.jsonl'
    python examples/lerobot_dataset.py DATASET demos/*.mp4 --results results --task "pick up the cup" --fps 30

This needs `pip install lerobot` (tested with 0.4.4). Each recording, video or bag, is an episode. A state has, for the
left and then the right hand: seen (1 or 0), the wrist in the camera's frame (m; quaternion x, y, z, w), and
the angles of joint_rotations (rad). A hand that is not seen keeps its last state, or zeros if it has not been seen yet.
"""

import argparse
import json
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from handos_model import Hand
from handos_model.fusion.results_files import CameraFrame, read_results
from handos_model.fusion.sighting import is_usable
from handos_model.hand import FINGERS, KNOWN_SIDES
from handos_model.io.inputs import open_inputs
from handos_model.kinematics import joint_rotations, quaternion, wrist_frame

ANGLES = ("abduction", "flexion_1", "flexion_2", "flexion_3")
OF_A_HAND = ("seen", *"xyz", *(f"q{axis}" for axis in "xyzw"), *(f"{f}_{a}" for f in FINGERS for a in ANGLES))
NAMES = [f"{side}_{name}" for side in KNOWN_SIDES for name in OF_A_HAND]
IMAGES = "observation.images.camera"
LOST = 1e9  # ns without the demonstrator's hand after which the states are those of another one of that side


def states(frames: list[CameraFrame]) -> np.ndarray:
    """States (N, 56) of the frames of one recording, in the order of NAMES, without jumps to a bystander's hand."""
    found = np.zeros((len(frames), len(KNOWN_SIDES), len(OF_A_HAND)), np.float32)
    followed = dict.fromkeys(KNOWN_SIDES, (-1, -math.inf))  # the hand's id, and the stamp when it was last seen
    for index, frame in enumerate(frames):
        found[index] = found[max(index - 1, 0)]
        found[index, :, 0] = 0
        posed = [(hand, pose) for hand in frame.hands if is_usable(hand) and (pose := wrist_pose(hand))]
        for number, side in enumerate(KNOWN_SIDES):
            seen = [(hand, pose) for hand, pose in posed if hand.side == side]
            best = min(seen, key=lambda one: (one[0].id != followed[side][0], -one[0].score), default=None)
            if best is None:
                continue
            hand, (position, turn) = best
            if hand.id != followed[side][0] and frame.stamp_ns - followed[side][1] < LOST:
                continue
            followed[side] = hand.id, frame.stamp_ns
            turn = -turn if turn @ found[index, number, 4:8] < 0 else turn  # q and -q are the same turn: no jumps
            angles = joint_rotations(hand.joints_3d, side)
            found[index, number] = [1, *position, *turn, *angles.ravel()]
    return found.reshape(len(frames), -1)


def wrist_pose(hand: Hand) -> tuple[np.ndarray, np.ndarray] | None:
    """Position (3,) m and quaternion (4,) of a wrist; None if its side is unknown, or if the joints span no palm."""
    try:
        position, rotation = wrist_frame(hand.joints_3d, hand.side)
    except ValueError:
        return None
    return position, quaternion(rotation)


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


def results_of(recording: Path, folder: Path, topic: str | None) -> list[CameraFrame]:
    """The results of a recording, whatever their file is called, and from wherever the recording was named."""
    found = []
    for path in sorted(folder.glob("*.jsonl")):
        unfinished = path.name.endswith(".part.jsonl")
        first = None if unfinished or not path.is_file() else first_record(path)
        if first and (first["topic"] is None or topic in (None, first["topic"])):
            named = Path(first["image"].rpartition("#")[0] or first["image"])
            found += [path] * any(is_same(place, recording) for place in (named, *named.parents))
    if not found:
        raise ValueError(f"{folder} holds no results of {recording}" + (f" and its topic {topic}" if topic else ""))
    if len(found) > 1:
        files = ", ".join(map(str, found))
        raise ValueError(f"several files hold results of {recording}, choose by --topic or leave one of them: {files}")
    return list(read_results(found[0]))


def first_record(path: Path) -> dict | None:
    """The first record of a file of results; None if it holds none of handos predict."""
    try:
        with path.open() as lines:
            first = json.loads(lines.readline())
    except ValueError:
        return None
    of_images = isinstance(first, dict) and {"topic", "width"} <= set(first)  # those of handos fuse have no width
    return first if of_images and isinstance(first.get("image"), str) else None


def is_same(place: Path, recording: Path) -> bool:
    """Whether a place that results name is the recording; if it is not there from here, its name decides."""
    return place.samefile(recording) if place.exists() else place.name == recording.resolve().name


class Episode:
    """States and images of one recording; ValueError or OSError if they cannot become an episode."""

    def __init__(self, recording: Path, results: Path, topic: str | None, fps: int) -> None:
        if not recording.exists():
            raise ValueError(f"there is no {recording}")
        frames = results_of(recording, results, topic)
        self.recording, self.fps = recording, fps
        self.source = open_inputs([str(recording)], frames[0].topic)[0]
        self.frames = {Path(str(frame.image)).name: frame for frame in frames}
        self.sizes = {(frame.lens.width, frame.lens.height) for frame in frames}
        kept = at_rate(((frame.stamp_ns, number) for number, frame in enumerate(frames)), fps)
        self.states = states(frames)[list(kept)]

    def images(self) -> Iterator[np.ndarray]:
        """The images (H, W, 3), one for each state."""
        return at_rate(self._read(), self.fps)

    def _read(self) -> Iterator[tuple[int, np.ndarray]]:
        """Stamp in ns and image of the frames that have results; mirror images are turned over, as states are not."""
        for frame in self.source:
            if frame.image is not None and (result := self.frames.get(Path(frame.name).name)):
                image = np.ascontiguousarray(frame.image[:, ::-1]) if result.mirrored else frame.image
                yield result.stamp_ns, image


def episodes(recordings: list[Path], results: Path, topic: str | None, fps: int) -> list[Episode]:
    """An episode of each recording, all with images of the same size."""
    found = [Episode(recording, results, topic, fps) for recording in recordings]
    for episode in found:
        if episode.sizes != found[0].sizes or len(episode.sizes) > 1:
            said = [
                f"{e.recording} has {', '.join(f'{w}x{h}' for w, h in sorted(e.sizes))}" for e in (found[0], episode)
            ]
            raise ValueError(f"all images must have one size: {' and '.join(dict.fromkeys(said))}")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path, help="folder that is made")
    parser.add_argument("recordings", type=Path, nargs="+")
    parser.add_argument("--results", type=Path, required=True, help="folder of the .jsonl of each recording")
    parser.add_argument("--topic", help="of the images, where there are results of several topics of a recording")
    parser.add_argument("--task", required=True, help="what is done in them, in words")
    parser.add_argument("--fps", type=int, default=30)
    parser.add_argument("--repo-id", default="local/hands", help="the data set's name on the hub")
    args = parser.parse_args()
    try:
        if args.fps < 1:
            raise ValueError(f"--fps is {args.fps}, must be 1 or more")
        if args.dataset.exists():
            raise ValueError(f"{args.dataset} exists")
        found = episodes(args.recordings, args.results, args.topic, args.fps)
        from lerobot.datasets.lerobot_dataset import LeRobotDataset
    except (OSError, ValueError) as error:
        parser.exit(2, f"{parser.prog}: {error}\n")
    except ModuleNotFoundError as error:
        parser.exit(2, f"{parser.prog}: {error}: pip install lerobot\n")

    ((width, height),) = found[0].sizes
    vector = {"dtype": "float32", "shape": (len(NAMES),), "names": NAMES}
    image = {"dtype": "video", "shape": (height, width, 3), "names": ["height", "width", "channels"]}
    features = {"observation.state": vector, "action": vector, IMAGES: image}
    dataset = LeRobotDataset.create(args.repo_id, args.fps, features, root=args.dataset)
    for episode in found:
        actions = np.concatenate([episode.states[1:], episode.states[-1:]])
        for now, following, picture in zip(episode.states, actions, episode.images(), strict=True):
            dataset.add_frame({"observation.state": now, "action": following, IMAGES: picture, "task": args.task})
        dataset.save_episode()
    dataset.finalize()
    print(f"{args.dataset}: {dataset.num_episodes} episodes, {dataset.num_frames} frames")


if __name__ == "__main__":
    main()
