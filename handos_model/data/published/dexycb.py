"""DexYCB (Chao et al., CVPR 2021): one hand that grasps an object, eight calibrated cameras, video, MANO.

Layout: README and dex_ycb_toolkit/dex_ycb.py of github.com/NVlabs/dex-ycb-toolkit. The splits of a setup choose among
the ten subjects, the eight cameras and each subject's 100 sequences, in sorted order. Labels are in the frame of the
camera, in metres; a hand's pose is 45 coefficients of MANO's components, from the mean hand. Frames whose labels are
all -1 show no hand or were not labelled; it is not documented which.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from handos_model.data.dataset_files import LABELS, NOT_WHOLE, as_floats, damaged, read_image
from handos_model.data.sample import LEFT, RIGHT, Sample, labelled_3d, without_hands
from handos_model.io.archives.npz_file import read_npz
from handos_model.io.files import KB, Kind, one_line
from handos_model.io.yaml_file import read_yaml
from handos_model.template.mano_layer import ManoLayer

SUBJECTS = (
    "20200709-subject-01", "20200813-subject-02", "20200820-subject-03", "20200903-subject-04", "20200908-subject-05",
    "20200918-subject-06", "20200928-subject-07", "20201002-subject-08", "20201015-subject-09", "20201022-subject-10",
)  # fmt: skip
CAMERAS = (
    "836212060125",
    "839512060362",
    "840412060917",
    "841412060263",
    "932122060857",
    "932122060861",
    "932122061900",
    "932122062010",
)
TIPS = {"right": (745, 317, 444, 556, 673), "left": (745, 317, 445, 556, 673)}  # of manopth, which made the labels
LONGEST_SEQUENCE = 1_000_000  # frames: their numbers have six digits
PERSON = re.compile(r"[\w-]{1,100}")
SEQUENCES = 100  # of each subject, five in a row with the same object

# setup_split: subjects, cameras, sequences
ALL_SUBJECTS, ALL_CAMERAS, ALL_SEQUENCES = tuple(range(10)), tuple(range(8)), tuple(range(SEQUENCES))
FIFTH = tuple(range(4, SEQUENCES, 5))
OBJECTS = {"val": (3, 19), "test": (7, 11, 15)}
UNSEEN = {split: tuple(i for i in ALL_SEQUENCES if i // 5 in objects) for split, objects in OBJECTS.items()}
SPLITS = {
    "s0_train": (ALL_SUBJECTS, ALL_CAMERAS, tuple(i for i in ALL_SEQUENCES if i not in FIFTH)),
    "s0_val": ((0, 1), ALL_CAMERAS, FIFTH),
    "s0_test": (ALL_SUBJECTS[2:], ALL_CAMERAS, FIFTH),
    "s1_train": ((0, 1, 2, 3, 4, 5, 9), ALL_CAMERAS, ALL_SEQUENCES),
    "s1_val": ((6,), ALL_CAMERAS, ALL_SEQUENCES),
    "s1_test": ((7, 8), ALL_CAMERAS, ALL_SEQUENCES),
    "s2_train": (ALL_SUBJECTS, ALL_CAMERAS[:6], ALL_SEQUENCES),
    "s2_val": (ALL_SUBJECTS, (6,), ALL_SEQUENCES),
    "s2_test": (ALL_SUBJECTS, (7,), ALL_SEQUENCES),
    "s3_train": (ALL_SUBJECTS, ALL_CAMERAS, tuple(i for i in ALL_SEQUENCES if i // 5 not in (3, 7, 11, 15, 19))),
    "s3_val": (ALL_SUBJECTS, ALL_CAMERAS, UNSEEN["val"]),
    "s3_test": (ALL_SUBJECTS, ALL_CAMERAS, UNSEEN["test"]),
}


class DexYcb:
    """Frames of one split, in the toolkit's order: sequences, cameras, frames. The labelled hand is the only one."""

    def __init__(self, root: Path, split: str, mano: Path | None):
        subjects, cameras, chosen = SPLITS[split]
        self.root = root
        self.cameras = [CAMERAS[camera] for camera in cameras]
        self.K = [_intrinsics(root / "calibration" / "intrinsics" / f"{name}_640x480.yml") for name in self.cameras]
        self.layers = {side: ManoLayer.load(mano, side) for side in ("right", "left")} if mano else {}
        self.sequences: list[str] = []
        self.sides: list[str] = []
        self.shapes: list[np.ndarray] = []
        persons: dict[str, np.ndarray] = {}
        counts = []
        for subject in subjects:
            sequences = _sequences(root / SUBJECTS[subject])
            for sequence in (sequences[i] for i in chosen):
                frames, side, person = _sequence(sequence)
                if person not in persons:
                    persons[person] = _shape(root, person)
                self.sequences.append(sequence.relative_to(root).as_posix())
                self.sides.append(side)
                self.shapes.append(persons[person])
                counts.append(frames * len(self.cameras))
        self.ends = np.cumsum(counts)  # of every sequence, in images

    def __len__(self) -> int:
        return int(self.ends[-1])

    def _place(self, index: int) -> tuple[int, int, int]:
        """Sequence, camera and frame of an image."""
        index = range(len(self))[index]
        sequence = int(np.searchsorted(self.ends, index, side="right"))
        start = int(self.ends[sequence - 1]) if sequence else 0
        frames = (int(self.ends[sequence]) - start) // len(self.cameras)
        return sequence, *divmod(index - start, frames)

    def __getitem__(self, index: int) -> Sample:
        sequence, camera, frame = self._place(index)
        folder = self.root / self.sequences[sequence] / self.cameras[camera]
        image = read_image(folder / f"color_{frame:06d}.jpg")
        path = folder / f"labels_{frame:06d}.npz"
        joints, pixels, pose = _labels(path)
        if (joints == -1).all():
            return without_hands(image, complete=False)
        side, vertices = self.sides[sequence], None
        if self.layers:
            layer = self.layers[side]
            vertices, _ = layer(layer.from_components(pose[:, :48]), self.shapes[sequence], pose[:, 48:])
        sample = labelled_3d(
            image, self.K[camera], joints, vertices, np.array([RIGHT if side == "right" else LEFT]), True, TIPS[side]
        )
        sample.joints_2d[..., :2] = pixels
        return sample.check()

    def name(self, index: int) -> str:
        sequence, camera, frame = self._place(index)
        return f"{self.sequences[sequence]}/{self.cameras[camera]}/color_{frame:06d}.jpg"

    def frame(self, index: int) -> tuple[str, int]:
        sequence, camera, frame = self._place(index)
        return f"{self.sequences[sequence]}/{self.cameras[camera]}", frame


def _labels(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Joints (1, 21, 3) m, joints (1, 21, 2) px, and pose_m (1, 51)."""
    shapes = {"joint_3d": (1, 21, 3), "joint_2d": (1, 21, 2), "pose_m": (1, 51)}
    try:
        labels = read_npz(path, LABELS, only=shapes)
        joints, pixels, pose = (as_floats(labels[name], shape, name) for name, shape in shapes.items())
    except (KeyError, ValueError) as error:
        raise damaged(path, error) from error
    return joints, pixels, pose


def _sequences(folder: Path) -> list[Path]:
    """The sequences of a subject; all must be there, as splits count them."""
    if not folder.is_dir():
        raise FileNotFoundError(f"no folder {folder}: this split needs that subject: unpack its archive")
    sequences = sorted(path for path in folder.iterdir() if path.is_dir())
    if len(sequences) != SEQUENCES:
        raise ValueError(f"{folder} holds {len(sequences)} sequences, expected {SEQUENCES}: unpack its archive again")
    return sequences


def _sequence(folder: Path) -> tuple[int, str, str]:
    """Number of frames, side and person of a sequence."""
    path = folder / "meta.yml"
    try:
        meta = _yaml(path)
        frames, side, person = int(meta["num_frames"]), meta["mano_sides"][0], str(meta["mano_calib"][0])
    except (LookupError, OverflowError, TypeError, ValueError) as error:
        raise damaged(path, error) from error
    if side not in ("left", "right") or not 0 <= frames <= LONGEST_SEQUENCE or not PERSON.fullmatch(person):
        said = f"{one_line(frames, 40)} frames, side {one_line(repr(side))} and person {one_line(repr(person))}"
        raise ValueError(
            f"{path} names {said}, expected left or right, 0 to {LONGEST_SEQUENCE} and a folder of calibration"
        )
    return frames, side, person


def _shape(root: Path, person: str) -> np.ndarray:
    """Shape (10,) of a person's hand."""
    path = root / "calibration" / f"mano_{person}" / "mano.yml"
    try:
        return as_floats([float(beta) for beta in _yaml(path)["betas"]], (10,), "betas")
    except (LookupError, OverflowError, TypeError, ValueError) as error:
        raise damaged(path, error) from error


def _intrinsics(path: Path) -> np.ndarray:
    try:
        fx, fy, cx, cy = (float(_yaml(path)["color"][name]) for name in ("fx", "fy", "ppx", "ppy"))
    except (LookupError, OverflowError, TypeError, ValueError) as error:
        raise damaged(path, error) from error
    return np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]], np.float32)


def _yaml(path: Path) -> Any:
    return read_yaml(path, Kind("YAML file", 64 * KB, NOT_WHOLE))
