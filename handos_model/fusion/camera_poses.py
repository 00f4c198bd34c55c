"""CameraPoses: where cameras are, by an extrinsics file or by transforms, live or recorded."""

from __future__ import annotations

from pathlib import Path

from handos_model.fusion.extrinsics import Extrinsics, read_extrinsics
from handos_model.fusion.recorded_poses import RecordedPoses, not_used, transforms
from handos_model.fusion.transform_tree import NoTransform, TransformTree
from handos_model.io.files import one_line, shown
from handos_model.io.recording import decoding
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
        self._recordings: dict[Path, Recording] = {}
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
        if self.known is None or camera == self.frame:  # in itself, a frame needs no transform
            return self.tree.pose(camera, self.frame, stamp)
        if camera in self.known:
            return self.known[camera]
        raise NoTransform(f"{one_line(camera)} is not in {shown(str(self._file))}, which has {', '.join(self.known)}")

    def keep_recorded(self, path: Path) -> str:
        """Keeps the transforms on /tf_static of a recording; returns a sentence if some cannot be used, else empty."""
        try:
            recording = self._recordings[path] = Recording(path)
        except ValueError as error:
            return f"{decoding.TF_STATIC} of {shown(path)} is not fully used: {one_line(error)}"
        self.tree.refusals = 0
        for found in transforms(recording, decoding.TF_STATIC, self.tree):
            self.tree.keep_static(found)
        return not_used(recording, decoding.TF_STATIC, self.tree)

    def recorded(self, path: Path | None) -> RecordedPoses | None:
        """The poses of a camera with all that is kept and /tf of its recording; None unless that is kept."""
        if path not in self._recordings:
            return None
        return RecordedPoses(self._recordings[path], self.frame, self.tree)
