"""Frames and hands in Foxglove, over a WebSocket on this machine or in an MCAP file that it opens."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np

from handos_model.camera import Camera
from handos_model.hand import Hand
from handos_model.io.frame import DEFAULT_FRAME, Frame
from handos_model.output.jpeg_encoder import jpeg
from handos_model.output.output_file import finish, named, partial
from handos_model.view.foxglove_scene import FoxgloveScene
from handos_model.view.scene import JPEG_QUALITY, Clock, shown_hands

PORT = 8765
"""Port that Foxglove tries by default; another one is used if it is taken."""
LAST_FRAMES = 0.3
"""Seconds allowed for what is still on its way to Foxglove: once stopped, a server sends nothing more."""
DISTORTION_MODELS = {"none": "", "equidistant": "kannala_brandt"}
"""Foxglove's names of distortion models that it calls differently."""


class FoxgloveView:
    """Publishes frames for Foxglove.

    Topics: `/image`, `/calibration`, `/annotations` (boxes, skeletons and labels in the image), `/hands` (meshes, bones
    and axes in the camera's frame), `/tf` (wrists under the camera). A file gets its name when closed as complete.
    """

    def __init__(self, path: Path | None, faces: np.ndarray) -> None:
        """path: the MCAP file, None for a server; faces (F, 3): of the hands' template."""
        import foxglove  # imported here, as it is only installed for this viewer
        from foxglove import channels

        self._foxglove: Any = foxglove
        self._faces, self._clock, self._scene = faces, Clock(), FoxgloveScene()
        self._path = None if path is None else Path(os.path.realpath(path))
        self._context = foxglove.Context()
        self._image = channels.CompressedImageChannel("/image", context=self._context)
        self._calibration = channels.CameraCalibrationChannel("/calibration", context=self._context)
        self._annotations = channels.ImageAnnotationsChannel("/annotations", context=self._context)
        self._hands = channels.SceneUpdateChannel("/hands", context=self._context)
        self._tf = channels.FrameTransformsChannel("/tf", context=self._context)
        self._file: _File | None = None
        self._writer: Any = None
        self._server: Any = self._serve() if path is None else None

    def begin_input(self) -> None:
        """Starts a new input, which has its own clock."""
        self._clock.begin_input()

    @property
    def port(self) -> int:
        """Port of the server; 0 if there is none."""
        return self._server.port if self._server else 0

    def wait(self, stopped: Callable[[], bool]) -> None:
        """Waits until Foxglove has connected to the server: it would not show what was published before."""
        if self._server is None or stopped():
            return
        address = f"ws://localhost:{self.port}"
        print(f"Waiting for Foxglove: Open connection, Foxglove WebSocket, {address}", file=sys.stderr)
        while not (stopped() or any(channel.has_sinks() for channel in (self._image, self._annotations, self._hands))):
            time.sleep(0.05)

    def write(self, frame: Frame, camera: Camera, hands: list[Hand]) -> None:
        """Publishes the next frame, which must have an image, with the camera used to find its hands."""
        from foxglove.messages import CameraCalibration, CompressedImage, Timestamp

        assert frame.image is not None
        if self._path and self._writer is None:
            self._open(self._path)
        at = self._clock.time(frame.stamp_ns)
        stamp, frame_id = Timestamp(*divmod(at, 10**9)), frame.frame_id or DEFAULT_FRAME
        K = camera.K
        calibration = CameraCalibration(
            timestamp=stamp,
            frame_id=frame_id,
            width=camera.width,
            height=camera.height,
            distortion_model=DISTORTION_MODELS.get(camera.distortion_model, camera.distortion_model),
            D=camera.distortion.tolist(),
            K=K.ravel().tolist(),
            R=np.eye(3).ravel().tolist(),
            P=np.column_stack([K, np.zeros(3)]).ravel().tolist(),
        )
        image = CompressedImage(timestamp=stamp, frame_id=frame_id, data=jpeg(frame.image, JPEG_QUALITY), format="jpeg")
        shown = shown_hands(hands, self._faces)
        self._tf.log(self._scene.transforms(shown, stamp, frame_id), log_time=at)
        self._calibration.log(calibration, log_time=at)
        self._image.log(image, log_time=at)
        self._annotations.log(self._scene.annotations(shown, stamp, camera), log_time=at)
        self._hands.log(self._scene.update(shown, stamp, frame_id), log_time=at)
        if self._file and self._path:
            with named(self._path):
                self._file.check()

    def close(self, complete: bool = True) -> None:
        """Stops the server; a file gets its name if it is complete."""
        if self._server:
            time.sleep(LAST_FRAMES)
            self._server.stop()
        if self._file is None or self._path is None:
            return
        writer, self._writer = self._writer, None
        file, self._file = self._file, None
        with named(self._path):
            try:
                writer.close()
                file.check()
            except RuntimeError as error:
                file.check()
                raise OSError(f"cannot write {self._path}: {error}") from error
            finally:
                file.close()
        if complete:
            finish(partial(self._path), self._path)

    def _open(self, path: Path) -> None:
        with named(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = _File(partial(path))
        self._writer = self._foxglove.open_mcap(self._file, context=self._context)

    def _serve(self) -> Any:
        start = self._foxglove.start_server
        try:
            return start(name="handos", port=PORT, context=self._context)
        except RuntimeError:  # the port is in use, by another run or by ROS
            return start(name="handos", port=0, context=self._context)


class _File:
    """A file that remembers its first error, since the SDK prints errors of its writer and continues."""

    def __init__(self, place: Path) -> None:
        self._file: IO[bytes] = place.open("wb")
        self._error: OSError | None = None

    def write(self, data: bytes) -> int:
        return self._remember_error(lambda: self._file.write(data))

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._remember_error(lambda: self._file.seek(offset, whence))

    def flush(self) -> None:
        self._remember_error(lambda: self._file.flush() or 0)

    def close(self) -> None:
        self._file.close()

    def check(self) -> None:
        """Raises the first error, if there was one."""
        if self._error:
            raise self._error

    def _remember_error(self, do: Callable[[], int]) -> int:
        try:
            return do()
        except OSError as error:
            self._error = self._error or error
            raise
