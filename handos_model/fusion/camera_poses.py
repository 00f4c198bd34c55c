"""CameraPoses: where cameras are, by an extrinsics file or by transforms, live or recorded."""

from __future__ import annotations

from pathlib import Path

from handos_model.fusion.extrinsics import Extrinsics, read_extrinsics
from handos_model.fusion.transform_tree import NoTransform, TransformTree
from handos_model.io.files import one_line, shown
from handos_model.io.recording import decoding
from handos_model.io.recording.parts import Message
from handos_model.io.recording.recording import Recording


class CameraPoses:
    """The poses of cameras in the common frame."""

    def __init__(self, frame: str, extrinsics: Path | None) -> None:
        """frame: the common frame, or empty for that of the extrinsics file; extrinsics: None to take poses from
        `tree`. Raises what read_extrinsics raises, and ValueError for a frame that is missing or not the file's."""
        self.tree = TransformTree()
        self.frame = frame.lstrip("/")
        self.known: dict[str, Extrinsics] | None = None
        """Those of the file by the names of the cameras; None without one."""
        self._file = extrinsics
        if extrinsics is not None:
            named, self.known = read_extrinsics(extrinsics)
            if self.frame not in ("", named):
                raise ValueError(f"frame is {frame}, but {shown(extrinsics)} has {named}: they must agree")
            self.frame = named
        if not self.frame:
            raise ValueError("frame is not set, must be the common frame, such as base_link; or give extrinsics")

    def pose(self, camera: str, stamp: float) -> Extrinsics:
        """The pose of the camera with this optical frame at a time in s; NoTransform with one sentence without one."""
        camera = camera.lstrip("/")  # tf2 has no leading slashes, but ROS 1 had
        if self.known is None:
            return self.tree.pose(camera, self.frame, stamp)
        if camera not in self.known:
            raise NoTransform(
                f"{one_line(camera)} is not in {shown(str(self._file))}, which has {', '.join(self.known)}"
            )
        return self.known[camera]

    def keep_recorded(self, recording: Path) -> str:
        """Keeps the transforms on /tf_static of a recording; returns a sentence if some cannot be used, else empty."""
        self.tree.refused = ""  # which may be of another recording
        try:
            messages = Recording(recording).messages({decoding.TF_STATIC})
            # Damage between messages is of any topic, and `handos predict` has reported it.
            problems = [self._keep(message) for message in messages if isinstance(message, Message)]
        except ValueError as error:
            problems = [one_line(error)]
        problem = next(filter(None, problems), self.tree.refused)
        return problem and f"{decoding.TF_STATIC} of {shown(recording)} is not fully used: {problem}"

    def _keep(self, message: Message) -> str:
        """Keeps the transforms of a message; returns why that cannot be done, else an empty text."""
        try:
            self.tree.keep_static(decoding.decoded(message, decoding.TRANSFORMS))
        except ValueError as error:
            return one_line(error)
        return ""
