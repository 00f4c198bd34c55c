"""The contract between data sets, augmentation and training: one image and the hands that are known in it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from handos_model.camera import Camera
from handos_model.hand import VERTICES, joints_box
from handos_model.template.embedded import EMBEDDED_NAME

LEFT, RIGHT, UNKNOWN_SIDE = 0, 1, -1
SIDE_NAMES = {LEFT: "left", RIGHT: "right"}
PER_HAND = ("joints_2d", "joints_3d", "vertices", "side", "has_3d", "has_vertices", "ignore")


@dataclass
class Sample:
    """One image with n labelled hands. Camera frame: x right, y down, z forward, metres; pixel centres at integers."""

    image: NDArray[np.uint8]  # (H, W, 3) RGB
    K: NDArray[np.float32]  # (3, 3)
    joints_2d: NDArray[np.float32]  # (n, 21, 3): x, y px and 0 unlabelled, 1 labelled but not seen, 2 seen
    joints_3d: NDArray[np.float32]  # (n, 21, 3) m; where `absolute` is false, only differences between joints count
    vertices: NDArray[np.float32]  # (n, 778, 3) m, same origin as joints_3d
    side: NDArray[np.int8]  # (n,): 0 left, 1 right, -1 unknown
    has_3d: NDArray[np.bool_]  # (n,)
    has_vertices: NDArray[np.bool_]  # (n,)
    ignore: NDArray[np.bool_]  # (n,): a hand is there, nothing is learned from it
    complete: bool  # every hand of the image is listed: what else is detected is a false hand
    absolute: bool = False  # joints_3d and vertices are where the hand was, in the frame of a calibrated camera
    template: str = EMBEDDED_NAME  # whose vertices these are: HandTemplate.name
    tips: tuple[int, ...] | None = None  # vertices that are the labelled fingertips, thumb to little; None: not known
    boxes: NDArray[np.float32] | None = None  # (n, 4) xyxy px as published; a row of NaN, or None, where none is

    @property
    def camera(self) -> Camera:
        """The one that K and the image describe."""
        height, width = self.image.shape[:2]
        return Camera(self.K, width, height)

    def check(self) -> Sample:
        """Return the sample; ValueError when a shape, a type or a number is wrong."""
        n = len(self.joints_2d)
        shapes = {
            "K": (3, 3),
            "joints_2d": (n, 21, 3),
            "joints_3d": (n, 21, 3),
            "vertices": (n, VERTICES, 3),
            "side": (n,),
            "has_3d": (n,),
            "has_vertices": (n,),
            "ignore": (n,),
        }
        for name, shape in shapes.items():
            value = getattr(self, name)
            if value.shape != shape:
                raise ValueError(f"{name} has shape {value.shape}, expected {shape}")
            if value.dtype.kind == "f" and not np.isfinite(value).all():
                raise ValueError(f"{name} must be finite, but holds NaN or infinity")
        if self.boxes is not None and (self.boxes.shape != (n, 4) or np.isinf(self.boxes).any()):
            raise ValueError(f"boxes are {self.boxes.tolist()}, expected {n} of four numbers, NaN where there is none")
        if self.image.dtype != np.uint8 or self.image.ndim != 3 or self.image.shape[2] != 3 or self.image.size == 0:
            came = f"{self.image.dtype} {self.image.shape}"
            raise ValueError(f"image is {came}, expected uint8 (H, W, 3)")
        return self

    def only(self, kept: NDArray[np.bool_]) -> Sample:
        """The sample with the labels of the hands for which `kept` (n,) is true."""
        boxes = None if self.boxes is None else self.boxes[kept]
        return replace(self, boxes=boxes, **{name: getattr(self, name)[kept] for name in PER_HAND})

    def hand_boxes(self) -> NDArray[np.float32]:
        """Boxes (n, 4) xyxy px: the published ones; else around the labelled joints, with a tenth of the long edge."""
        labelled = self.joints_2d[..., 2] > 0
        any_labelled = self.joints_2d[np.arange(len(labelled)), labelled.argmax(axis=1), None]
        boxes = joints_box(np.where(labelled[..., None], self.joints_2d, any_labelled)[..., :2])
        if self.boxes is None:
            return boxes
        return np.where(np.isnan(self.boxes).any(-1, keepdims=True), boxes, self.boxes)


def without_hands(image: NDArray[np.uint8], complete: bool = True) -> Sample:
    """A sample without hands."""
    return labelled_2d(image, np.zeros((0, 21, 3), np.float32), np.zeros(0, np.int8), complete)


def labelled_2d(
    image: NDArray[np.uint8],
    joints_2d: NDArray[np.float32],
    side: NDArray[np.int8],
    complete: bool,
    boxes: NDArray[np.float32] | None = None,
) -> Sample:
    """A checked sample of hands whose 2D joints (n, 21, 3), sides (n,) and boxes (n, 4) are all that is known."""
    n = len(joints_2d)
    return Sample(
        image=image,
        K=assumed_intrinsics(image.shape[1], image.shape[0]),
        joints_2d=np.asarray(joints_2d, np.float32),
        joints_3d=np.zeros((n, 21, 3), np.float32),
        vertices=np.zeros((n, VERTICES, 3), np.float32),
        side=np.asarray(side, np.int8),
        has_3d=np.zeros(n, bool),
        has_vertices=np.zeros(n, bool),
        ignore=np.zeros(n, bool),
        complete=complete,
        boxes=None if boxes is None else np.asarray(boxes, np.float32),
    ).check()


def labelled_3d(
    image: NDArray[np.uint8],
    K: NDArray[np.float32],
    joints_3d: NDArray[np.float32],
    vertices: NDArray[np.float32] | None,
    side: NDArray[np.int8],
    complete: bool,
    tips: tuple[int, ...] | None = None,
) -> Sample:
    """A checked sample of hands as they were in front of a calibrated camera; vertices (n, 778, 3) of MANO or None.

    tips: the vertices that the data set takes for fingertips, thumb to little.

    The 2D joints are the projected ones. No data set of this kind says which of them are seen: all within the image
    count as seen.
    """
    n = len(joints_3d)
    joints_2d = project(np.asarray(joints_3d, np.float64), K)
    height, width = image.shape[:2]
    inside = ((joints_2d > -0.5) & (joints_2d < [width - 0.5, height - 0.5])).all(-1, keepdims=True)
    return Sample(
        image=image,
        K=np.array(K, np.float32),
        joints_2d=np.concatenate([joints_2d, 1.0 + inside], -1).astype(np.float32),
        joints_3d=np.array(joints_3d, np.float32),
        vertices=np.zeros((n, VERTICES, 3), np.float32) if vertices is None else np.array(vertices, np.float32),
        side=np.asarray(side, np.int8),
        has_3d=np.ones(n, bool),
        has_vertices=np.full(n, vertices is not None),
        ignore=np.zeros(n, bool),
        complete=complete,
        absolute=True,
        template="mano",
        tips=tips,
    ).check()


def project(points: NDArray[np.floating], K: NDArray[np.floating]) -> NDArray[np.floating]:
    """Pixels (..., 2) of points (..., 3) in the camera frame; not finite for points in the plane of the camera."""
    with np.errstate(divide="ignore", invalid="ignore"):
        image = points @ np.asarray(K, points.dtype).T
        return image[..., :2] / image[..., 2:]


def assumed_intrinsics(width: int, height: int) -> NDArray[np.float32]:
    """Pinhole K (3, 3) for a photo whose camera is unknown, as prediction assumes it."""
    return Camera.from_fov(width, height).K.astype(np.float32)
