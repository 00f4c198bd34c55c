"""Photos of hands with MediaPipe's joints as labels, to train on: `handos train` reads what this writes.

    make mediapipe
    .mediapipe/bin/python tools/label_photos.py PHOTOS OUT --source NAME [--stretched]

Every photo below the folder PHOTOS is looked at three times: as it is, mirrored, and turned by 15 degrees. A hand on
which the looks agree is graded A or B; one on which they do not is graded C, and training ignores it. Photos without
an A or B hand are left out. OUT gets hands/NAME/*.jpg and labels.json.gz; further sources are added to what is there.
MediaPipe names sides as if a photo were mirrored; here `side` is that of a photo that is not.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

LONGEST = 480  # px of a kept photo
SMALLEST = 20  # px of a hand worth keeping a photo for
TURN = 15.0  # degrees
SAME_HAND = 0.3  # hand sizes between two looks at one hand
LIMITS = {"A": (0.05, 12.0), "B": (0.10, 25.0)}  # differences in hand sizes and in mm up to which looks agree
PHOTOS = {".jpg", ".jpeg", ".png", ".webp", ".bmp"}
OTHER = {"left": "right", "right": "left"}


@dataclass(frozen=True)
class Seen:
    """A hand as one look shows it."""

    joints: np.ndarray  # (21, 2) px
    world: np.ndarray  # (21, 3) m, hand-centred, x right, y down
    side: str

    @property
    def size(self) -> float:
        """Long edge in px of the box around the joints."""
        return float(np.ptp(self.joints, axis=0).max())


Finder = Callable[[np.ndarray], list[Seen]]


def mediapipe_finder() -> Finder:
    """MediaPipe Hands: up to four hands in an image (H, W, 3) uint8 RGB."""
    import mediapipe

    hands = mediapipe.solutions.hands.Hands(static_image_mode=True, max_num_hands=4, model_complexity=1)

    def find(image: np.ndarray) -> list[Seen]:
        size = np.array(image.shape[1::-1])
        found = hands.process(np.ascontiguousarray(image))
        if not found.multi_hand_landmarks:
            return []
        per_hand = zip(
            found.multi_hand_landmarks, found.multi_hand_world_landmarks, found.multi_handedness, strict=True
        )
        return [
            Seen(
                np.array([(m.x, m.y) for m in marks.landmark]) * size,
                np.array([(m.x, m.y, m.z) for m in world.landmark]),
                OTHER[side.classification[0].label.lower()],
            )
            for marks, world, side in per_hand
        ]

    return find


def mirrored_look(image: np.ndarray, find: Finder) -> list[Seen]:
    """Hands in the mirrored image, mirrored back."""
    width = image.shape[1]
    seen = find(image[:, ::-1])
    flip = np.array([-1, 1])
    return [Seen(s.joints * flip + [width, 0], s.world * [-1, 1, 1], OTHER[s.side]) for s in seen]


def turned_look(image: np.ndarray, find: Finder) -> list[Seen]:
    """Hands in the turned image, turned back."""
    height, width = image.shape[:2]
    there = cv2.getRotationMatrix2D((width / 2, height / 2), TURN, 1.0)
    reach = np.abs(there[:, :2]) @ [width, height]
    there[:, 2] += (reach - [width, height]) / 2
    seen = find(cv2.warpAffine(image, there, [int(n) for n in np.ceil(reach)], borderValue=(114, 114, 114)))
    back = cv2.invertAffineTransform(there)
    turn = np.eye(3)
    turn[:2, :2] = back[:, :2]
    return [replace(s, joints=s.joints @ back[:, :2].T + back[:, 2], world=s.world @ turn.T) for s in seen]


def grade(hand: Seen, looks: list[list[Seen]]) -> str:
    """A, B or C by how well the other looks agree with a hand in 2D, in 3D and on its side."""
    differences = []
    for look in looks:
        away = [np.linalg.norm(s.joints - hand.joints, axis=-1).mean() / max(hand.size, 1.0) for s in look]
        if not away or min(away) > SAME_HAND or (same := look[int(np.argmin(away))]).side != hand.side:
            return "C"
        differences.append((min(away), 1e3 * np.linalg.norm(same.world - hand.world, axis=-1).mean()))
    worst = np.max(differences, axis=0)
    return next((name for name, limits in LIMITS.items() if (worst <= limits).all()), "C")


def label(image: np.ndarray, find: Finder) -> list[dict[str, Any]]:
    """The hands of a photo as training reads them: kp px, world m, side, grade."""
    hands = find(image)
    if not hands:
        return []
    looks = [mirrored_look(image, find), turned_look(image, find)]
    return [
        {
            "kp": np.round(hand.joints, 2).tolist(),
            "world": np.round(hand.world, 5).tolist(),
            "side": hand.side,
            "size_px": round(hand.size, 1),
            "grade": grade(hand, looks),
        }
        for hand in hands
    ]


def label_photo(path: Path, out: Path, options: argparse.Namespace, find: Finder) -> dict[str, Any] | None:
    """The record of one photo, whose copy it writes; None when nothing in it is worth learning."""
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        print(f"{path} is not a readable image: left out")
        return None
    shrink = min(1.0, LONGEST / max(image.shape[:2]))
    size = [max(1, round(n * shrink)) for n in image.shape[1::-1]]
    image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    hands = label(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), find)
    if not any(hand["grade"] != "C" and hand["size_px"] >= SMALLEST for hand in hands):
        return None
    name = f"hands/{options.source}/{hashlib.sha1(path.read_bytes()).hexdigest()[:12]}.jpg"
    (out / name).parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(out / name), image, [cv2.IMWRITE_JPEG_QUALITY, 92])
    about = {"path": name, "w": size[0], "h": size[1], "source": options.source, "orig": path.name}
    return about | {"kind": "hand", "split": "train", "stretched": options.stretched, "hands": hands}


def main() -> None:
    """Labels a folder of photos."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--source", required=True, help="name of where the photos come from")
    parser.add_argument("--stretched", action="store_true", help="their publisher changed their aspect")
    options = parser.parse_args()
    paths = sorted(p for p in options.photos.rglob("*") if p.suffix.lower() in PHOTOS)
    if not paths:
        parser.error(f"no photo ({', '.join(sorted(PHOTOS))}) below {options.photos}")
    file, records = options.out / "labels.json.gz", []
    if file.is_file():
        with gzip.open(file, "rt") as old:
            records = [record for record in json.load(old) if record["source"] != options.source]
    find = mediapipe_finder()
    kept = [r for r in (label_photo(path, options.out, options, find) for path in paths) if r]
    options.out.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    with gzip.open(part, "wt") as new:
        json.dump(records + kept, new)
    part.replace(file)  # so that the file is complete at every moment
    print(f"{len(kept)} of {len(paths)} photos kept; {file} lists {len(records) + len(kept)}")


if __name__ == "__main__":
    main()
