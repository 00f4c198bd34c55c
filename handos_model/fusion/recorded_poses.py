"""RecordedPoses: where a camera was at each of its frames, by the transforms of its recording."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from handos_model.fusion.extrinsics import Extrinsics
from handos_model.fusion.transform_tree import NoTransform, TransformTree
from handos_model.io.files import one_line, shown
from handos_model.io.recording import decoding
from handos_model.io.recording.parts import Message
from handos_model.io.recording.recording import Recording
from handos_model.io.recording.transforms import Transform, recorded_transforms


class RecordedPoses:
    """The poses of a camera in the common frame, frame after frame; /tf is read along with them, and not kept whole."""

    def __init__(self, recording: Recording, frame: str, static: TransformTree) -> None:
        """frame: the common frame; static: the transforms of /tf_static."""
        self._recording, self._frame, self._tree = recording, frame, static.statics()
        self._moving = transforms(recording, decoding.TF, self._tree)
        self._found = self._missing = 0
        self._first: tuple[float, str] | None = None  # s, and why

    def pose(self, camera: str, stamp: float) -> Extrinsics:
        """The pose of the camera with this optical frame at a time in s, which is not before that of the last call.

        Raises NoTransform with one sentence without one.
        """
        while not self._tree.reaches(camera, self._frame, stamp):
            if (found := next(self._moving, None)) is None:
                break
            self._tree.keep(found)
        try:
            pose = self._tree.pose(camera, self._frame, stamp)
        except NoTransform as error:
            self._missing += 1
            self._first = self._first or (stamp, one_line(error))
            raise
        self._found += 1
        return pose

    def problems(self, results: Path) -> list[str]:
        """Sentences about what of /tf cannot be used, and about the frames of these results without a pose."""
        said = [not_used(self._recording, decoding.TF, self._tree)]
        if self._first:
            stamp, why = self._first
            if not has_topic(self._recording, decoding.TF):
                why += f" ({shown(self._recording.path)} has no {decoding.TF})"
            some = f" in {self._missing} of its frames, which are left out: at {stamp:.3f} s, {why}"
            none = f": {why}; the file is left out"
            said.append(f"the camera of {shown(results)} has no pose{some if self._found else none}")
        return [one for one in said if one]


def transforms(recording: Recording, topic: str, tree: TransformTree) -> Iterator[list[Transform]]:
    """Those of each message on /tf or /tf_static, in the order of recording; the tree counts what cannot be used."""
    for message in recording.messages({topic}) if has_topic(recording, topic) else ():
        if isinstance(message, Message):
            try:
                yield recorded_transforms(message)
            except ValueError as error:
                tree.refuse(str(error))


def has_topic(recording: Recording, topic: str) -> bool:
    """Whether a recording has a topic of this name."""
    return any(one.name == topic for one in recording.topics)


def not_used(recording: Recording, topic: str, tree: TransformTree) -> str:
    """A sentence if the tree refused some transforms of a topic; else empty."""
    more = f", and {tree.refusals - 1} more" if tree.refusals > 1 else ""
    said = f"{topic} of {shown(recording.path)} is not fully used: {tree.refused}{more}"
    return said if tree.refusals else ""
