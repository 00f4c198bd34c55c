"""The camera of an image: from the latest CameraInfo, or assumed if there is none."""

from __future__ import annotations

from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Header

from handos_model.camera import Camera
from handos_model.io.camera_info import camera_of_info, fitted_to_image, is_calibrated

MOST = 100
"""Maximum number of characters of a distortion model and of coefficients that are kept: more than any camera has."""


def camera_from_info(info: CameraInfo, width: int, height: int, rectified: bool = False) -> Camera:
    """Returns the camera of an image of `width` x `height` px, from the CameraInfo of its topic.

    K and D are at full resolution, roi and binning as defined by sensor_msgs; rectified: for images that image_proc has
    undistorted. Raises ValueError for a camera that is not calibrated, for NaN and zero focal lengths, for coefficients
    that the distortion model does not accept, and if the image has another size than the message says.
    """
    return fitted_to_image(camera_of_info(info, rectified), width, height)


class Intrinsics:
    """Keeps the latest CameraInfo and converts it only when it changes.

    One thread calls `keep`, another one `camera`.
    """

    def __init__(self) -> None:
        self._info: CameraInfo | None = None
        self._converted: tuple[tuple[CameraInfo, int, int, bool], Camera] | None = None

    def keep(self, info: CameraInfo) -> None:
        """Keeps a message, unless its camera is uncalibrated."""
        info.header = Header()  # stamps differ even if the camera is the same
        info.distortion_model, info.d = info.distortion_model[:MOST], info.d[:MOST]  # still long enough to be refused
        if info != self._info:
            self._info = info if is_calibrated(info) else None

    def camera(self, width: int, height: int, assumed_fov: float, rectified: bool) -> Camera:
        """Returns the camera of an image of that size; ValueError for a CameraInfo that is wrong or of another size.

        assumed_fov: degrees along the long edge of an uncalibrated camera; rectified: use P instead of K and D.
        """
        info = self._info
        if info is None:
            return Camera.from_fov(width, height, assumed_fov)
        source = (info, width, height, rectified)
        if self._converted is None or self._converted[0] != source:
            self._converted = source, camera_from_info(info, width, height, rectified)
        return self._converted[1]

    def describe(self, camera: Camera | None, assumed_fov: float) -> str:
        """Describes the intrinsics in use for human readers; camera: that of the last frame."""
        if camera is None:
            return "none yet"
        fx, fy, (cx, cy) = camera.K[0, 0], camera.K[1, 1], camera.K[:2, 2]
        numbers = f"fx {fx:.1f}, fy {fy:.1f}, cx {cx:.1f}, cy {cy:.1f} px, distortion {camera.distortion_model}"
        return f"assumed: {assumed_fov:g} degrees, {numbers}" if camera.assumed else f"camera_info: {numbers}"
