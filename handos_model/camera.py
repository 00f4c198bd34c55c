"""Camera: intrinsics and lens distortion."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any

import cv2
import numpy as np

from handos_model.equidistant import EquidistantLens
from handos_model.options import whole

DISTORTION_COEFFICIENTS = {"none": (0,), "plumb_bob": (4, 5), "rational_polynomial": (8, 12, 14), "equidistant": (4,)}
"""Distortion models of sensor_msgs/CameraInfo and the numbers of coefficients that each may have."""

DEFAULT_FOV = 60.0
"""Field of view in degrees along the long edge, assumed for an unknown camera; webcams and phones have 55 to 70."""

MAX_FOCAL = 100.0
"""Longest focal length, in long edges of the image; the shortest is 1 / MAX_FOCAL. No lens is outside this range."""

SHORTEST_FOCAL, LONGEST_FOCAL = 1e-6, 1e12
"""px: focal lengths between which rays and pixels are numbers that can be reckoned with, whatever the image's size."""

_INVERSION_ERROR = 0.5  # px: with a larger error, a pixel lies outside what the distortion model can explain
_HALVINGS = 30  # of the way to a pixel without a ray: what is left is far less than a pixel


@dataclass(frozen=True, eq=False)
class Camera:
    """A pinhole camera with lens distortion. Pixel (0, 0) has its centre at (0.0, 0.0), as in OpenCV and CameraInfo.

    Cameras with the same values are equal. A wrong value (not finite, not positive or whole where it must be, wrong
    number of coefficients) is a ValueError.
    """

    K: np.ndarray
    """(3, 3) float64: fx, fy, cx, cy in px; the other entries are those of the identity."""
    width: int
    height: int
    distortion_model: str = "none"
    """One of DISTORTION_COEFFICIENTS."""
    distortion: np.ndarray = field(default_factory=lambda: np.zeros(0))
    """(n,) float64 coefficients in OpenCV's order."""
    assumed: bool = False
    """True if the intrinsics are a guess, which makes depth a guess as well."""

    def __post_init__(self) -> None:
        K = np.array(self.K, np.float64)
        if K.shape != (3, 3) or not np.isfinite(K).all():
            raise ValueError(f"K must be 3x3 and finite, got {K.tolist()}")
        if not SHORTEST_FOCAL <= min(K[0, 0], K[1, 1]) <= max(K[0, 0], K[1, 1]) <= LONGEST_FOCAL:
            got = f"fx = {K[0, 0]:g}, fy = {K[1, 1]:g}"
            raise ValueError(f"focal lengths must be positive, {SHORTEST_FOCAL:g} to {LONGEST_FOCAL:g} px, got {got}")
        if K[0, 1] or K[1, 0] or K[2, 0] or K[2, 1] or K[2, 2] != 1:
            raise ValueError(f"K must be [fx 0 cx; 0 fy cy; 0 0 1], got {K.tolist()}")
        for edge in ("width", "height"):
            object.__setattr__(self, edge, whole(1, unit="px")(edge, getattr(self, edge)))
        object.__setattr__(self, "K", K)
        object.__setattr__(self, "distortion", self._checked_distortion())

    def __eq__(self, other: object) -> bool:  # a dataclass' own cannot compare arrays
        return isinstance(other, Camera) and all(
            np.array_equal(getattr(self, part.name), getattr(other, part.name)) for part in fields(self)
        )

    def __hash__(self) -> int:
        return hash((self.width, self.height, self.distortion_model))

    def _checked_distortion(self) -> np.ndarray:
        distortion = np.array(self.distortion, np.float64).reshape(-1)
        if self.distortion_model not in DISTORTION_COEFFICIENTS:
            allowed = ", ".join(DISTORTION_COEFFICIENTS)
            raise ValueError(f"distortion model is {self.distortion_model!r}, must be one of {allowed}")
        counts = DISTORTION_COEFFICIENTS[self.distortion_model]
        if len(distortion) not in counts:
            allowed = " or ".join(map(str, counts))
            raise ValueError(f"{self.distortion_model} takes {allowed} coefficients, got {len(distortion)}")
        if not np.isfinite(distortion).all():
            raise ValueError(f"distortion coefficients must be finite, got {distortion.tolist()}")
        return distortion

    @classmethod
    def from_intrinsics(
        cls, fx: float, fy: float, cx: float, cy: float, width: int, height: int,
        distortion_model: str = "none", distortion: Sequence[float] = (), assumed: bool = False,
    ) -> Camera:  # fmt: skip
        """Makes a camera from its numbers, calibrated unless they are `assumed`; lengths in px."""
        K = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]], np.float64)
        return cls(K, width, height, distortion_model, np.array(distortion, np.float64), assumed)

    @classmethod
    def from_fov(cls, width: int, height: int, fov: float = DEFAULT_FOV) -> Camera:
        """Makes a guess for an unknown camera: `fov` degrees along the long edge, square pixels, centred.

        It is the long edge because a phone that is turned upright keeps its lens. The result has `assumed` set.
        """
        if not 0 < fov < 180:
            raise ValueError(f"field of view must lie between 0 and 180 degrees, got {fov}")
        focal = max(width, height) / 2 / np.tan(np.radians(fov) / 2)
        K = np.array([[focal, 0, (width - 1) / 2], [0, focal, (height - 1) / 2], [0, 0, 1]])
        return cls(K, width, height, assumed=True)

    def cropped(self, x: int, y: int, width: int, height: int) -> Camera:
        """Returns the camera of a region of `width` x `height` px whose first pixel is (x, y), as in CameraInfo.roi."""
        K = self.K.copy()
        K[0, 2] -= x
        K[1, 2] -= y
        return replace(self, K=K, width=width, height=height)

    def binned(self, x: int, y: int) -> Camera:
        """Returns the camera whose pixels are blocks of `x` by `y` pixels of this one, as in CameraInfo.binning."""
        if x < 1 or y < 1:
            raise ValueError(f"binning must be 1 or more, got {x} and {y}")
        K = self.K.copy()
        K[0] = (K[0] + [0, 0, 0.5]) / x - [0, 0, 0.5]
        K[1] = (K[1] + [0, 0, 0.5]) / y - [0, 0, 0.5]
        return replace(self, K=K, width=self.width // x, height=self.height // y)

    def mirrored(self) -> Camera:
        """Returns the camera of the images flipped left to right."""
        K, distortion = self.K.copy(), self.distortion.copy()
        K[0, 2] = self.width - 1 - K[0, 2]
        if self.distortion_model in ("plumb_bob", "rational_polynomial"):
            odd = [i for i in (3, 8, 9, 13) if i < len(distortion)]  # p2, s1, s2, tau_y turn with x
            distortion[odd] *= -1
        return replace(self, K=K, distortion=distortion)

    def check_plausible(self, source: str) -> None:
        """Raises ValueError for numbers that no lens has, which would put hands at infinity.

        source: where the numbers come from.
        """
        (fx, _, cx), (_, fy, cy) = self.K[:2].tolist()
        edge = max(self.width, self.height)
        low, high = edge / MAX_FOCAL, edge * MAX_FOCAL
        inside = 0 <= cx <= self.width - 1 and 0 <= cy <= self.height - 1
        if not (low <= min(fx, fy) <= max(fx, fy) <= high and inside):
            raise ValueError(
                f"{source} has fx = {fx:g}, fy = {fy:g}, cx = {cx:g}, cy = {cy:g} px, which no camera of "
                f"{self.width}x{self.height} px has: focal lengths must lie between {low:g} and {high:g} px, and the "
                "principal point in the image"
            )

    @property
    def focal(self) -> float:
        """One focal length in px: the geometric mean of fx and fy."""
        return math.sqrt(self.K[0, 0] * self.K[1, 1])

    @cached_property
    def focals(self) -> np.ndarray:
        """(2,) fx and fy in px."""
        return self.K.diagonal()[:2]

    @cached_property
    def principal_point(self) -> np.ndarray:
        """(2,) cx and cy in px."""
        return self.K[:2, 2]

    @cached_property
    def _fisheye(self) -> EquidistantLens:
        return EquidistantLens(self.distortion)

    def pinhole(self, pixels: np.ndarray) -> np.ndarray:
        """x / z and y / z (..., 2) of the rays of pixels (..., 2), as if the lens had no distortion."""
        return (pixels - self.principal_point) / self.focals

    def normalise(self, pixels: np.ndarray) -> np.ndarray:
        """Undistorted normalised image coordinates (..., 2) of pixels (..., 2): x / z and y / z of their rays.

        NaN where no ray leads to that pixel: outside what the distortion model covers. Rays at 90 degrees or more from
        the optical axis, which some fisheye lenses see, have no x / z; their pixels count as outside.
        """
        pixels = np.asarray(pixels, np.float64)
        if self.distortion_model == "none":
            return self.pinhole(pixels)
        if self.distortion_model == "equidistant":
            return self._fisheye.undistorted(self.pinhole(pixels))
        flat = pixels.reshape(-1, 1, 2)
        if not len(flat):
            return pixels.copy()
        # OpenCV's default of 5 iterations leaves several pixels of error at the corners of a wide lens.
        stop = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 50, 1e-12)
        rays = cv2.undistortPointsIter(flat, self.K, self.distortion, np.eye(3), np.eye(3), stop)
        rays = rays.reshape(pixels.shape)
        back = self.project(np.concatenate([rays, np.ones_like(rays[..., :1])], axis=-1))
        off = back - pixels
        valid = np.hypot(off[..., :1], off[..., 1:]) < _INVERSION_ERROR  # False for NaN
        return np.where(valid, rays, np.nan)

    def nearest_rays(self, pixels: np.ndarray) -> np.ndarray:
        """As `normalise`; where no ray leads to a pixel, the last ray on the way there from the principal point."""
        rays = self.normalise(pixels)
        lost = ~np.isfinite(rays).all(axis=-1)
        if lost.any():
            way = np.asarray(pixels, np.float64)[lost] - self.principal_point
            near, far = np.zeros((len(way), 1)), np.ones((len(way), 1))
            for _ in range(_HALVINGS):
                middle = (near + far) / 2
                seen = np.isfinite(self.normalise(self.principal_point + middle * way)).all(axis=1, keepdims=True)
                near, far = np.where(seen, middle, near), np.where(seen, far, middle)
            rays[lost] = self.normalise(self.principal_point + near * way)
        return rays

    def project(self, points: np.ndarray) -> np.ndarray:
        """Pixels (..., 2) of points (..., 3) in the camera frame, m; NaN for points that are not in front of it."""
        points = np.asarray(points, np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            rays = np.where(points[..., 2:] > 0, points[..., :2] / points[..., 2:], np.nan)
        if self.distortion_model == "none" or not rays.size:
            return rays * self.focals + self.principal_point
        flat = np.append(rays.reshape(-1, 2), np.ones((rays.size // 2, 1)), axis=1)[:, None]  # (n, 1, 3)
        zero = np.zeros(3)
        if self.distortion_model == "equidistant":
            pixels = cv2.fisheye.projectPoints(flat, zero, zero, self.K, self.distortion)[0]
        else:
            pixels = cv2.projectPoints(flat, zero, zero, self.K, self.distortion)[0]
        return pixels.reshape(rays.shape)


def ray_rotation(rays: np.ndarray) -> np.ndarray:
    """Smallest rotations (N, 3, 3) that take the optical axis (0, 0, 1) to the directions (u, v, 1) of rays (N, 2)."""
    # Plain numbers: on a few rays NumPy takes several times as long.
    return np.array([ray_rotation_rows(u, v) for u, v in rays.tolist()]).reshape(-1, 3, 3)


def ray_rotation_rows(u: Any, v: Any) -> list[list[Any]]:
    """Rows of the rotation of a ray: u and v are numbers, arrays or, in training, torch's tensors."""
    # Rodrigues' formula about (-y, x, 0), whose length is the sine of the angle; z, always positive, is its cosine.
    z = (u * u + v * v + 1) ** -0.5
    x, y = u * z, v * z
    k = 1 / (1 + z)
    return [[1 - k * x * x, -k * x * y, x], [-k * x * y, 1 - k * y * y, y], [-x, -y, z]]
