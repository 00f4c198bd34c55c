"""Frames and hands in Rerun: in its window, or in a file that it opens."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from handos_model.camera import Camera
from handos_model.drawing.mesh_shading import vertex_normals
from handos_model.hand import Hand
from handos_model.io.frame import Frame
from handos_model.output.jpeg_encoder import jpeg
from handos_model.output.output_file import finish, named, partial
from handos_model.view.scene import AXIS, JPEG_QUALITY, Clock, ShownHand, shown_hands

PLANE = 0.15
"""m: length of the camera's frustum in space."""
EYE, LOOKS_AT = (0.25, -0.25, 0.0), (0.0, 0.0, 0.5)
"""m, camera frame: the point from which space is seen, and the one in the middle of the view, half a metre ahead."""
FIRST_DATE = 315_532_800 * 10**9
"""ns: stamps from 1980 on are dates, smaller ones are times since some start."""
WRITTEN_WITHIN = 30.0
"""s that a disk may take for one frame."""


class RerunView:
    """Logs frames to Rerun.

    Entities: `camera` (pinhole) with `camera/image` and below it boxes, skeletons and joints in pixels; `hands/hand_N`
    with mesh, bones and joints in metres of the camera's frame, which is the root, and `wrist`, its frame. Timelines:
    `stamp` and `frame`, which counts from 0. A file gets its name when it is closed as complete.
    """

    def __init__(self, path: Path | None, faces: np.ndarray) -> None:
        """path: the file, None for a window; faces (F, 3): of the hands' template."""
        import rerun  # imported here, as it is only installed for this viewer

        self._rr: Any = rerun
        self._faces, self._clock = faces, Clock()
        self._path = None if path is None else Path(os.path.realpath(path))
        self._stream: Any = None
        self._frames = 0
        self._dates = False
        self._there: set[str] = set()  # paths of the hands of the last frame
        if path is None:
            self._open()

    def begin_input(self) -> None:
        """Starts a new input, which has its own clock."""
        self._clock.begin_input()

    def wait(self, stopped: Callable[[], bool]) -> None:
        """Does nothing: the window is opened first, and keeps everything that it is sent."""

    def write(self, frame: Frame, camera: Camera, hands: list[Hand]) -> None:
        """Logs the next frame, which must have an image, with the camera used to find its hands."""
        assert frame.image is not None
        time = self._clock.time(frame.stamp_ns)
        if self._stream is None:
            self._open()
        if self._frames == 0:
            self._dates = time >= FIRST_DATE
        moment = {"timestamp": np.datetime64(time, "ns")} if self._dates else {"duration": np.timedelta64(time, "ns")}
        self._stream.set_time("stamp", **moment)
        self._stream.set_time("frame", sequence=self._frames)
        self._frames += 1
        self._log_camera(frame.image, camera)
        shown = shown_hands(hands, self._faces)
        there = {f"{root}/{hand.name}" for hand in shown for root in ("camera/image", "hands")}
        for path in sorted(self._there - there):
            self._stream.log(path, self._rr.Clear(recursive=True))
        self._there = there
        for hand in shown:
            self._log_in_image(hand)
            self._log_in_space(hand)
        self._flush()

    def close(self, complete: bool = True) -> None:
        """Waits until Rerun has received everything; a file gets its name if it is complete."""
        if self._stream is None:
            return
        stream, self._stream = self._stream, None
        try:
            stream.flush(timeout_sec=WRITTEN_WITHIN)
            stream.disconnect()
            if self._path and complete:
                from rerun.chunk import RrdReader

                RrdReader(partial(self._path)).store()  # fails if the index, which comes last, is missing
        except RuntimeError as error:
            raise self._problem(error) from error
        if self._path and complete:
            finish(partial(self._path), self._path)

    def _open(self) -> None:
        rr = self._rr
        self._stream = rr.RecordingStream("handos")
        self._stream.set_log_tick_enabled(False)
        self._stream.set_log_time_enabled(False)
        if self._path is None:
            self._stream.spawn(default_blueprint=self._blueprint())
        else:
            with named(self._path):
                self._path.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._stream.save(partial(self._path), default_blueprint=self._blueprint())
            except RuntimeError as error:
                raise self._problem(error) from error
        self._stream.log("/", rr.ViewCoordinates.RDF, static=True)

    def _blueprint(self) -> Any:
        """The image with its overlays, next to the 3D scene."""
        import rerun.blueprint as rrb

        return rrb.Blueprint(
            rrb.Horizontal(
                rrb.Spatial2DView(origin="camera/image", name="Image"),
                rrb.Spatial3DView(
                    origin="/",
                    contents=["/hands/**", "/camera"],
                    name="Camera frame",
                    eye_controls=rrb.EyeControls3D(position=EYE, look_target=LOOKS_AT, eye_up=(0, -1, 0)),
                ),
            ),
            collapse_panels=True,
        )

    def _log_camera(self, image: np.ndarray, camera: Camera) -> None:
        rr = self._rr
        pinhole = rr.Pinhole(
            focal_length=camera.focals,
            principal_point=camera.principal_point + 0.5,
            resolution=[camera.width, camera.height],
            camera_xyz=rr.ViewCoordinates.RDF,
            image_plane_distance=PLANE,
        )
        self._stream.log("camera", pinhole)
        self._stream.log("camera/image", rr.EncodedImage(contents=jpeg(image, JPEG_QUALITY), media_type="image/jpeg"))

    def _log_in_image(self, shown: ShownHand) -> None:
        rr, place = self._rr, f"camera/image/{shown.name}"
        low, high = shown.corners
        box = rr.Boxes2D(mins=[low], sizes=[high - low], colors=[shown.colour], labels=[shown.label])
        self._stream.log(f"{place}/box", box)
        self._stream.log(f"{place}/bones", rr.LineStrips2D(shown.bones_2d, colors=[shown.colour], radii=-1.5))
        self._stream.log(f"{place}/joints", rr.Points2D(shown.joints_2d, colors=[shown.colour], radii=-3.0))

    def _log_in_space(self, shown: ShownHand) -> None:
        rr, place, hand = self._rr, f"hands/{shown.name}", shown.hand
        mesh = rr.Mesh3D(
            vertex_positions=hand.vertices,
            triangle_indices=shown.faces,
            vertex_normals=vertex_normals(hand.vertices, shown.faces),
            albedo_factor=shown.mesh_colour,
        )
        self._stream.log(f"{place}/mesh", mesh)
        self._stream.log(f"{place}/bones", rr.LineStrips3D(shown.bones_3d, colors=[shown.colour], radii=0.001))
        self._stream.log(f"{place}/joints", rr.Points3D(hand.joints_3d, colors=[shown.colour], radii=0.003))
        label = rr.Points3D([hand.translation], colors=[shown.colour], radii=0.004, labels=[shown.label])
        self._stream.log(f"{place}/label", label)
        if shown.wrist is None:
            self._stream.log(f"{place}/wrist", rr.Clear(recursive=True))
        else:
            pose = rr.Transform3D(translation=hand.translation, mat3x3=shown.wrist)
            self._stream.log(f"{place}/wrist", pose, rr.TransformAxes3D(AXIS))

    def _flush(self) -> None:
        """Waits for the disk, which only then reports that it is full."""
        if self._path:
            try:
                self._stream.flush(timeout_sec=WRITTEN_WITHIN)
            except RuntimeError as error:
                raise self._problem(error) from error

    def _problem(self, error: RuntimeError) -> OSError:
        what = f"write {self._path}" if self._path else "reach the window of Rerun"
        return OSError(f"cannot {what}: {error}")
