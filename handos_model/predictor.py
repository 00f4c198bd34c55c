"""HandPredictor: one image and its camera in, a list of Hand out, on ONNX Runtime."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from .camera import Camera, fit_translation, ray_rotation
from .hand import Hand, joints_box
from .letterbox import letterbox, to_source
from .session import EXPORTED, HandSession
from .template import EMBEDDED_SHA256, HandTemplate, load_template, signed_volume

BEST_SIZE = 100.0
"""px of a hand in the network's input at which the network sees best."""
SMALL_SIZE = 50.0
"""px of a hand in the network's input below which a larger pass is worth its time."""
DUPLICATE_DISTANCE = 0.15
"""Two results are one hand when their joints lie this close on average, as a fraction of the larger one's extent."""
FULL_VOLUME = 0.5
"""Share of the template's volume from which a mesh's side counts as certain; small hands have half of it."""
MIN_SIDE_CONFIDENCE = 0.1
"""Below, the mesh is flat and its side unknown."""


class HandPredictor:
    """Finds hands in single images.

    weights: an ONNX file of `handos export`, the embedded one when None. device: "auto" (CUDA where there is one),
    "cpu" or "cuda". size: long edge in px that images are resized to, or several, ascending: then a further pass at the
    next size runs when the passes before found no hand, or only hands smaller than SMALL_SIZE. score_threshold: hands
    below are dropped. size and score_threshold come from the weights when None. hand_scale: size of the user's hand as
    a factor of a mean adult's, which scales every metre of the result. threads: CPU threads, ONNX Runtime's choice when
    None. Wrong values raise ValueError, a missing file FileNotFoundError.
    """

    def __init__(
        self,
        weights: str | Path | None = None,
        device: str = "auto",
        size: int | tuple[int, ...] | None = None,
        score_threshold: float | None = None,
        hand_scale: float = 1.0,
        threads: int | None = None,
    ) -> None:
        self._session = HandSession(weights, device, threads)
        self.name = self._session.metadata["name"]
        self.version = self._session.metadata["version"]
        self.provider = self._session.provider
        self.sizes = _checked_sizes(self._session.metadata["size"] if size is None else size)
        default = float(self._session.metadata["score_threshold"])
        self.score_threshold = default if score_threshold is None else float(score_threshold)
        self.hand_scale = float(hand_scale)
        if not 0 <= self.score_threshold <= 1:
            raise ValueError(f"score_threshold is {score_threshold}, must lie between 0 and 1")
        if not 0.2 <= self.hand_scale <= 5:
            raise ValueError(f"hand_scale is {hand_scale}, must lie between 0.2 and 5")
        if self._session.metadata.get("template", EMBEDDED_SHA256) != EMBEDDED_SHA256:
            raise ValueError(f"weights file {self._session.weights} was trained on another hand template; {EXPORTED}")
        self.template = load_template()

    def predict(self, image: np.ndarray, camera: Camera | None = None) -> list[Hand]:
        """The hands in an image (H, W, 3) uint8 RGB, best score first.

        camera: that of this image; Camera.from_fov's guess when None. Raises ValueError for another kind of array and
        for a camera of another image size.
        """
        _check_image(image)
        height, width = image.shape[:2]
        camera = Camera.from_fov(width, height) if camera is None else camera
        if (camera.width, camera.height) != (width, height):
            raise ValueError(f"the camera is one of {camera.width}x{camera.height} px, the image has {width}x{height}")
        found = self._find(np.ascontiguousarray(image))
        if not len(found.scores):
            return []
        return _hands(found, camera, self.template, self.hand_scale)

    def _find(self, image: np.ndarray) -> Instances:
        """Runs as many passes as it takes; returns distinct hands."""
        found = None
        for size in self.sizes:
            seen = self._pass(image, size)
            found = seen if found is None else _merge(found, seen)
            if (found.network_size >= SMALL_SIZE).any():
                break
        return found

    def _pass(self, image: np.ndarray, size: int) -> Instances:
        canvas, scale = letterbox(image, size)
        return _distinct(_instances(self._session.run(canvas), scale, self.score_threshold))


@dataclass(frozen=True)
class Instances:
    """What the network says of N hands; pixels are those of the source image."""

    scores: np.ndarray  # (N,)
    joints_2d: np.ndarray  # (N, 21, 2) px
    joint_confidence: np.ndarray  # (N, 21)
    joints_3d: np.ndarray  # (N, 21, 3) m, relative to the wrist, view frame
    vertices: np.ndarray  # (N, 778, 3) m, likewise
    view: np.ndarray  # (N, 4) cx, cy, size in px, angle in rad of the reference box
    translation: np.ndarray  # (N, 3) of the normalised camera
    network_size: np.ndarray  # (N,) extent of the hand in px of the network's input

    def take(self, index: np.ndarray) -> Instances:
        """The hands at `index`, in that order."""
        return Instances(*(getattr(self, f.name)[index] for f in fields(self)))


def _instances(outputs: dict[str, np.ndarray], scale: np.ndarray, threshold: float) -> Instances:
    """Hands of one pass that score enough and are finite, in pixels of the source image."""
    joints, view = outputs["joints_2d"].astype(np.float64), outputs["view"].astype(np.float64)
    centre, size = to_source(view[:, :2], scale), view[:, 2:3] / np.sqrt(scale.prod())
    values = [outputs[key] for key in ("joints_3d", "vertices", "translation", "joint_confidence")]
    finite = np.logical_and.reduce([np.isfinite(v).all(axis=tuple(range(1, v.ndim))) for v in [joints, view, *values]])
    instances = Instances(
        scores=outputs["scores"],
        joints_2d=to_source(joints, scale),
        joint_confidence=np.clip(outputs["joint_confidence"], 0, 1),
        joints_3d=outputs["joints_3d"].astype(np.float64),
        vertices=outputs["vertices"].astype(np.float64),
        view=np.concatenate([centre, size, view[:, 3:]], axis=1),
        translation=outputs["translation"].astype(np.float64),
        network_size=_extent(joints),
    )
    return instances.take(np.flatnonzero(finite & (outputs["scores"] >= threshold)))


def _extent(joints_2d: np.ndarray) -> np.ndarray:
    """Long edges (N,) of the boxes of joints (N, 21, 2)."""
    return np.ptp(joints_2d, axis=1).max(axis=1)


def _distinct(found: Instances) -> Instances:
    """Of results that are the same hand, the one that scores best; best score first."""
    order = np.argsort(-found.scores, kind="stable")
    return found.take(order[_first_of_each(found.joints_2d[order])])


def _merge(small: Instances, large: Instances) -> Instances:
    """The hands of two passes at different sizes; one that both found comes from the pass that shows it best."""
    both = Instances(*(np.concatenate([getattr(small, f.name), getattr(large, f.name)]) for f in fields(small)))
    misfit = np.abs(np.log(np.maximum(both.network_size, 1.0) / BEST_SIZE))
    order = np.argsort(misfit, kind="stable")
    kept = both.take(order[_first_of_each(both.joints_2d[order])])
    return kept.take(np.argsort(-kept.scores, kind="stable"))


def _first_of_each(joints_2d: np.ndarray) -> np.ndarray:
    """Indices of the hands (N, 21, 2) that are no duplicate of an earlier one that was kept."""
    distance = np.linalg.norm(joints_2d[:, None] - joints_2d[None], axis=-1).mean(axis=-1)  # (N, N)
    extent = _extent(joints_2d)
    same = distance < DUPLICATE_DISTANCE * np.maximum(extent[:, None], extent[None])
    kept: list[int] = []
    for i in range(len(joints_2d)):
        if not same[i, kept].any():
            kept.append(i)
    return np.array(kept, np.intp)


def _hands(found: Instances, camera: Camera, template: HandTemplate, hand_scale: float) -> list[Hand]:
    """From view frames to the camera frame, metric, with sides; hands that would lie behind the camera are left out."""
    volume = signed_volume(found.vertices, template.faces) / signed_volume(template.vertices, template.faces)
    confidence = np.minimum(np.abs(volume) / FULL_VOLUME, 1.0)
    rotation = view_rotation(found.view, camera)  # (N, 3, 3)
    joints = hand_scale * found.joints_3d @ rotation.transpose(0, 2, 1)
    vertices = hand_scale * found.vertices @ rotation.transpose(0, 2, 1)
    translation = _place(found, joints, rotation, camera, hand_scale)
    boxes = joints_box(found.joints_2d)
    hands = []
    for i in np.flatnonzero(translation[:, 2] > 0):
        side = "right" if volume[i] > 0 else "left"
        hands.append(
            Hand(
                score=float(found.scores[i]),
                side=side if confidence[i] >= MIN_SIDE_CONFIDENCE else "unknown",
                side_confidence=float(confidence[i]),
                box=boxes[i].astype(np.float32),
                joints_2d=found.joints_2d[i].astype(np.float32),
                joint_confidence=found.joint_confidence[i].astype(np.float32),
                joints_3d=(joints[i] + translation[i]).astype(np.float32),
                vertices=(vertices[i] + translation[i]).astype(np.float32),
                translation=translation[i].astype(np.float32),
            )
        )
    return hands


def view_rotation(view: np.ndarray, camera: Camera) -> np.ndarray:
    """Rotations (N, 3, 3) from the view frames of N hands to the camera frame: R_ray(centre) @ Rz(angle).

    view (N, 4): centre and size in px of the source image, angle in rad. A view frame looks along the ray through the
    centre of its hand, so that what the network sees of a hand does not change with the hand's place in the image.
    """
    rays = camera.normalise(view[:, :2])
    plain = (view[:, :2] - camera.K[:2, 2]) / camera.K[[0, 1], [0, 1]]
    rays = np.where(np.isfinite(rays), rays, plain)  # centres beyond the distortion model, off the image's edge
    c, s, zero, one = np.cos(view[:, 3]), np.sin(view[:, 3]), np.zeros(len(view)), np.ones(len(view))
    spin = np.moveaxis(np.array([[c, -s, zero], [s, c, zero], [zero, zero, one]]), -1, 0)
    return ray_rotation(rays) @ spin


def _place(
    found: Instances, joints: np.ndarray, rotation: np.ndarray, camera: Camera, hand_scale: float
) -> np.ndarray:
    """Metric translations (N, 3): closed form where the joints allow it, else what the network said."""
    rays = camera.normalise(found.joints_2d)
    fitted, solved = fit_translation(joints, rays, found.joint_confidence)
    depth_unit = camera.focal / np.maximum(found.view[:, 2], 1e-6)
    said = found.translation * np.stack([np.ones_like(depth_unit), np.ones_like(depth_unit), depth_unit], axis=1)
    said = hand_scale * (rotation @ said[..., None])[..., 0]
    return np.where(solved[:, None], fitted, said)


def _check_image(image: np.ndarray) -> None:
    came = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
    if not isinstance(image, np.ndarray) or image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError(f"image is {came}, must be a NumPy array of uint8 (H, W, 3), RGB")
    if 0 in image.shape:
        raise ValueError(f"image is empty: its shape is {image.shape}")


def _checked_sizes(size: str | int | tuple[int, ...]) -> tuple[int, ...]:
    """Long edges, ascending, from a number, several, or the weights' metadata ("256" or "256,512")."""
    given = size.split(",") if isinstance(size, str) else np.atleast_1d(size).tolist()
    try:
        sizes = tuple(int(value) for value in given)
    except ValueError:
        sizes = ()
    if not sizes or min(sizes) < 32 or max(sizes) > 4096 or list(sizes) != sorted(set(sizes)):
        raise ValueError(f"size is {size}, must be one or several ascending numbers of px from 32 to 4096")
    return sizes
