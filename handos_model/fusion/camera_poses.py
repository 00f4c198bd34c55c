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
        problem = ""
        try:
            for message in Recording(recording).messages({decoding.TF_STATIC}):
                if isinstance(message, Message) and message.kind in decoding.TRANSFORMS:
                    self.tree.keep_static(decoding.decoded(message, decoding.TRANSFORMS))
        except ValueError as error:
            problem = one_line(error)
        problem = problem or self.tree.refused
        return problem and f"{decoding.TF_STATIC} of {shown(recording)} is not fully used: {problem}"
