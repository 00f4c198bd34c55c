"""Recordings of a moving camera whose transforms lie: names, circles, numbers, stamps, topics."""

from __future__ import annotations

import random
import shutil

from file_inputs import FOLDER
from made_bags import SECOND, STORAGES, BagWriter, file_of
from watched_hand import standing

from handos_model.io.frame import LONGEST_NAME
from handos_model.kinematics.frames import quaternion

KINDS = {bytes([2 + number]): storage for number, storage in enumerate(STORAGES)}
"""Storages by the first byte of an input."""
NAMES = (
    "table",
    "wrist",
    "moving",
    "right",
    "/wrist",
    "",
    "/",
    "\0",
    "täst\n\x1b[2J",
    "x" * LONGEST_NAME,
    "x" * 100_000,
)
NUMBERS = (0.0, -0.0, 1.0, -1.0, 2.0, 1e-40, 1e30, -1e308, float("nan"), float("inf"), -float("inf"))
JUMPS = (0, 1, -1, SECOND // 2, -SECOND, 9 * SECOND, 11 * SECOND, -11 * SECOND, 3600 * SECOND, 2**31 * SECOND)
"""ns by which stamps lie; what no stamp can hold is cut."""
LATEST = (2**31 - 1) * SECOND


def transform_bag(storage: str, chance: random.Random | None = None) -> bytes:
    """A recording of half a second of two cameras, one on a wrist that moves; with lies if there is chance."""
    sent = [("/tf_static", 0, "table", "right", standing(30.0)), ("/tf_static", 0, "wrist", "moving", standing(0.0))]
    sent += [("/tf", tick * SECOND // 20, "table", "wrist", standing(-30.0 + tick)) for tick in range(10)]
    fields = [
        [topic, stamp, parent, child, *pose.position.tolist(), *quaternion(pose.rotation).tolist()]
        for topic, stamp, parent, child, pose in sent
    ]
    for _ in range(chance.randint(1, 6) if chance else 0):
        _lie(fields, chance)
    path = FOLDER / "transforms.bag"
    shutil.rmtree(path, ignore_errors=True)
    path.unlink(missing_ok=True)
    with BagWriter(path, storage) as bag:
        for number, (topic, stamp, parent, child, *pose) in enumerate(fields):
            told = max(0 if storage == "ROS1" else -LATEST, min(stamp, LATEST))
            bag.transforms(
                topic, told, child, parent=parent, place=pose[:3], rotation=pose[3:], recorded=SECOND + number
            )
    return file_of(path).read_bytes()


def _lie(fields: list[list], chance: random.Random) -> None:
    """Changes one transform, or all of one frame from one on."""
    place = chance.randrange(len(fields))
    lie = chance.randrange(7)
    if lie == 0:
        fields[place][0] = chance.choice(("/tf", "/tf_static", "tf"))
    elif lie == 1:
        fields[place][1] += chance.choice(JUMPS)
    elif lie == 2:
        jump = chance.choice(JUMPS)
        for field in fields[place:]:
            field[1] += jump
    elif lie == 3:
        fields[place][chance.choice((2, 3))] = chance.choice(NAMES)
    elif lie == 4:
        fields[place][chance.randrange(4, 11)] = chance.choice(NUMBERS)
    elif lie == 5:
        fields.insert(chance.randrange(len(fields) + 1), list(fields[place]))
    else:
        del fields[place]
        fields.append(["/tf", 0, *chance.choices(NAMES, k=2), *[0.0] * 6, 1.0])
