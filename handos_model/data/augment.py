"""Augmentation that moves image, joints, vertices and intrinsics together, and camera faults that move nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.random import Generator

from handos_model.data.sample import LEFT, RIGHT, UNKNOWN_SIDE, Sample
from handos_model.prediction.letterbox import letterbox, resized_shape

FEWEST = 3  # labelled joints of a hand that something is learned from
SMALLEST_HAND = 12  # px, long edge


@dataclass(frozen=True)
class Augmentation:
    """How a photo or render becomes a training image.

    Of the images a share of `whole` is shown as prediction shows them, and flipped or not: nothing else, as in the
    paper. All that follows below is done to the others.
    """

    canvas: int = 160  # px: side of the square image; long edge of a whole one
    whole: float = 0.0
    flip: float = 0.5
    smallest: float = 28.0  # px, long edge of the hand that the image is built around
    largest: float = 125.0
    rotation: float = 25.0  # degrees, standard deviation
    any_rotation: float = 0.1  # share of images turned by any angle
    faults: float = 0.5  # share of images with noise, blur, low resolution, JPEG
    occluder: float = 0.15  # chance of a first and of a second patch that covers something
    stretched: float = 0.0  # share of the photos whose aspect is changed, as many publishers of photos do


def mirror(sample: Sample) -> Sample:
    """The sample seen in a mirror: left hands become right ones."""
    width = sample.image.shape[1]
    flip = np.array([-1, 1, 1], np.float32)
    K = sample.K.copy()
    K[0, 2] = width - 1 - K[0, 2]
    joints_2d = sample.joints_2d.copy()
    joints_2d[..., 0] = width - 1 - joints_2d[..., 0]
    side = np.select([sample.side == LEFT, sample.side == RIGHT], [RIGHT, LEFT], UNKNOWN_SIDE).astype(np.int8)
    return replace(
        sample,
        image=np.ascontiguousarray(sample.image[:, ::-1]),
        K=K,
        joints_2d=joints_2d,
        joints_3d=sample.joints_3d * flip,
        vertices=sample.vertices * flip,
        side=side,
        boxes=moved_boxes(sample.boxes, np.diag([-1, 1]), np.array([width - 1, 0])),
    )


def moved_boxes(boxes: np.ndarray | None, linear: np.ndarray, shift: np.ndarray) -> np.ndarray | None:
    """The upright boxes (n, 4) around boxes that are moved by x' = linear x + shift."""
    if boxes is None:
        return None
    corners = boxes[:, [[0, 1], [2, 1], [0, 3], [2, 3]]] @ linear.T + shift  # (n, 4, 2)
    return np.concatenate([corners.min(1), corners.max(1)], -1).astype(np.float32)


def warp(
    sample: Sample,
    scale: float,
    angle: float,
    shift: np.ndarray,
    canvas: int,
    border: int = cv2.BORDER_CONSTANT,
    backdrop: np.ndarray | None = None,
) -> Sample:
    """Scale, turn by `angle` (rad) and shift onto a square canvas: x' = scale * R(angle) x + shift.

    Around the image lies `backdrop` (canvas, canvas, 3), with border cv2.BORDER_TRANSPARENT. Turning the image turns
    the camera about its optical axis, and so 3D as well. Needs fx = fy.
    """
    cosine, sine = np.cos(angle), np.sin(angle)
    turn = np.array([[cosine, -sine], [sine, cosine]])
    image = sample.image
    if scale < 0.7:  # average when shrinking, as at prediction, instead of skipping pixels
        size = [max(1, round(n * scale)) for n in image.shape[1::-1]]
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    done = np.divide(image.shape[1::-1], sample.image.shape[1::-1])  # nearly `scale`, as sizes are whole
    linear = turn * (scale / done)
    # A pixel x of the source lies at done * (x + 0.5) - 0.5 of the shrunken image.
    move = shift - linear @ (done * 0.5 - 0.5)
    transform = np.column_stack([linear, move])
    dst = None if backdrop is None else backdrop.copy()
    image = cv2.warpAffine(image, transform, (canvas, canvas), dst=dst, flags=cv2.INTER_LINEAR, borderMode=border)
    joints_2d = sample.joints_2d.copy()
    joints_2d[..., :2] = joints_2d[..., :2] @ (scale * turn).T + shift
    focal = scale * sample.K[0, 0]
    centre = scale * turn @ sample.K[:2, 2] + shift
    turn_3d = np.eye(3, dtype=np.float32)
    turn_3d[:2, :2] = turn
    return replace(
        sample,
        image=image,
        K=np.array([[focal, 0, centre[0]], [0, focal, centre[1]], [0, 0, 1]], np.float32),
        joints_2d=joints_2d.astype(np.float32),
        joints_3d=sample.joints_3d @ turn_3d.T,
        vertices=sample.vertices @ turn_3d.T,
        boxes=moved_boxes(sample.boxes, scale * turn, shift),
    )


def resized(sample: Sample, image: np.ndarray) -> Sample:
    """The sample with its image resized to `image`, and its labels with it; 3D stays."""
    scale = np.divide(image.shape[1::-1], sample.image.shape[1::-1])
    shift = (scale - 1) / 2  # pixel centres map exactly
    joints_2d, K = sample.joints_2d.copy(), sample.K.copy()
    joints_2d[..., :2] = joints_2d[..., :2] * scale + shift
    K[:2] *= scale[:, None]
    K[:2, 2] += shift
    boxes = moved_boxes(sample.boxes, np.diag(scale), shift)
    return replace(sample, image=image, joints_2d=joints_2d, K=K, boxes=boxes)


def square_pixels(sample: Sample) -> Sample:
    """The sample as a camera with fx = fy sees it: its rows are stretched, its labels with them."""
    height = sample.image.shape[0]
    rows = max(1, round(height * float(sample.K[0, 0] / sample.K[1, 1])))
    if rows == height:
        return sample
    return resized(sample, cv2.resize(sample.image, (sample.image.shape[1], rows), interpolation=cv2.INTER_AREA))


def fill_unlabelled(sample: Sample) -> Sample:
    """Joints without a label lie in the middle of those with one, and add nothing to the hand's extent.

    A hand with fewer than FEWEST labelled joints has no extent to speak of, and is ignored.
    """
    labelled = sample.joints_2d[..., 2] > 0  # (n, 21)
    if labelled.all():
        return sample
    count = labelled.sum(1)
    centre = (sample.joints_2d[..., :2] * labelled[..., None]).sum(1) / np.maximum(count, 1)[:, None]
    joints_2d = sample.joints_2d.copy()
    joints_2d[..., :2] = np.where(labelled[..., None], joints_2d[..., :2], centre[:, None])
    return replace(sample, joints_2d=joints_2d, ignore=sample.ignore | (count < FEWEST))


def stretch(sample: Sample, factor: float) -> Sample:
    """The photo made wider by `factor`. No camera sees that: its hands keep their 2D labels, and lose their 3D."""
    height, width = sample.image.shape[:2]
    image = cv2.resize(sample.image, (max(1, round(width * factor)), height), interpolation=cv2.INTER_AREA)
    wider = resized(sample, image)
    return replace(wider, K=sample.K, has_3d=np.zeros_like(sample.has_3d), absolute=False)


def any_part(image: np.ndarray, canvas: int, rng: Generator) -> np.ndarray:
    """A part (canvas, canvas, 3) of an image (H, W, 3), at least a third of its short edge."""
    side = int(min(image.shape[:2]) * rng.uniform(0.33, 1.0)) or 1
    y, x = (int(rng.integers(0, n - side + 1)) for n in image.shape[:2])
    return cv2.resize(image[y : y + side, x : x + side], (canvas, canvas), interpolation=cv2.INTER_AREA)


def place(sample: Sample, rng: Generator, options: Augmentation, backdrop: np.ndarray | None = None) -> Sample:
    """Put one of the image's hands, or any part of a hand-free one, somewhere on the canvas, at a random size.

    What the image leaves empty shows a part of the photo `backdrop`, nothing, or the image's own edge.
    """
    if rng.random() < options.flip:
        sample = mirror(sample)
    angle = np.radians(rng.normal(0, options.rotation))
    if rng.random() < options.any_rotation:
        angle = rng.uniform(-np.pi, np.pi)
    canvas = options.canvas
    hands = np.flatnonzero(~sample.ignore)
    if len(hands):
        joints = sample.joints_2d[rng.choice(hands), :, :2]
        extent = np.ptp(joints, axis=0).max() + 1.0
        size = np.exp(rng.uniform(np.log(options.smallest), np.log(options.largest)))
        scale = min(size / extent, 2.5)
        room = max(0.5 * canvas - 0.35 * scale * extent, 0.1 * canvas)
        focus, goal = (joints.min(0) + joints.max(0)) / 2, canvas / 2 + rng.uniform(-room, room, 2)
    else:
        scale = canvas / max(sample.image.shape[:2]) * np.exp(rng.uniform(-0.3, 1.2))
        focus = rng.uniform(0.2, 0.8, 2) * sample.image.shape[1::-1]
        goal = np.full(2, canvas / 2)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    border = cv2.BORDER_REPLICATE if rng.random() < 0.6 else cv2.BORDER_CONSTANT
    if backdrop is not None:
        border, backdrop = cv2.BORDER_TRANSPARENT, any_part(backdrop, canvas, rng)
    return drop_unseen(warp(sample, scale, angle, goal - scale * turn @ focus, canvas, border, backdrop))


def drop_unseen(sample: Sample) -> Sample:
    """Hands that the canvas cut away are no targets; those cut through or too small to learn from are ignored."""
    joints = sample.joints_2d[..., :2]
    inside = ((joints > -1) & (joints < sample.image.shape[1::-1])).all(-1).mean(1)
    extent = np.ptp(joints, axis=1).max(-1) if len(inside) else np.zeros(0)
    ignore = sample.ignore | (inside < 0.5) | (extent < SMALLEST_HAND)
    return replace(sample, ignore=ignore).only(inside > 0)


def colours(image: np.ndarray, rng: Generator) -> np.ndarray:
    """White balance, mixed channels, gamma, contrast, brightness, a light from one side; now and then no colour."""
    x = image.astype(np.float32) / 255
    mix = np.diag(rng.uniform(0.75, 1.25, 3)) + rng.normal(0, 0.06, (3, 3))
    x = np.clip(x @ mix.T.astype(np.float32), 0, 1) ** np.float32(np.exp(rng.normal(0, 0.3)))
    x = (x - 0.5) * np.float32(rng.uniform(0.6, 1.3)) + np.float32(0.5 + rng.normal(0, 0.09))
    if rng.random() < 0.3:
        height, width = image.shape[:2]
        across, down = np.linspace(-1, 1, width), np.linspace(-1, 1, height)[:, None]
        slope = rng.normal(0, 0.25, 2)
        x = x * np.exp(slope[0] * across + slope[1] * down).astype(np.float32)[..., None]
    if rng.random() < 0.12:
        x = np.repeat(x.mean(-1, keepdims=True), 3, -1)
    return (np.clip(x, 0, 1) * 255).astype(np.uint8)


def faults(image: np.ndarray, rng: Generator) -> np.ndarray:
    """What cameras do: low resolution, motion and defocus blur, noise, JPEG; each now and then."""
    size = image.shape[1::-1]
    if rng.random() < 0.35:
        factor = rng.uniform(0.4, 0.9)
        small = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        image = cv2.resize(small, size, interpolation=cv2.INTER_LINEAR)
    if rng.random() < 0.2:
        length, angle = int(rng.integers(3, 8)), rng.uniform(0, np.pi)
        kernel = np.zeros((length, length), np.float32)
        half = (length - 1) / 2
        reach = half * np.array([np.cos(angle), np.sin(angle)])
        ends = [tuple(int(v) for v in np.round(half + s * reach)) for s in (-1, 1)]
        cv2.line(kernel, ends[0], ends[1], 1.0)
        image = cv2.filter2D(image, -1, kernel / kernel.sum())
    elif rng.random() < 0.2:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.2))
    if rng.random() < 0.4:
        noise = rng.normal(0, rng.uniform(2, 9), image.shape).astype(np.float32)
        image = np.clip(image + noise, 0, 255).astype(np.uint8)
    if rng.random() < 0.3:
        _, code = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 85))])
        image = cv2.imdecode(code, cv2.IMREAD_COLOR)
    return image


def occlude(sample: Sample, rng: Generator) -> None:
    """Cover a part of the image, in place, with a patch of one colour or of the image itself."""
    canvas = sample.image.shape[0]
    height, width = (int(canvas * rng.uniform(0.08, 0.3)) for _ in range(2))
    y, x = int(rng.integers(0, canvas - height)), int(rng.integers(0, canvas - width))
    v, u = int(rng.integers(0, canvas - height)), int(rng.integers(0, canvas - width))
    patch = sample.image[v : v + height, u : u + width].copy() if rng.random() < 0.5 else rng.integers(0, 255, 3)
    sample.image[y : y + height, x : x + width] = patch


def whole(sample: Sample, rng: Generator, options: Augmentation) -> Sample:
    """The image as prediction sees it: letterboxed to a long edge of `canvas`; mirrored or not, nothing else."""
    if rng.random() < options.flip:
        sample = mirror(sample)
    canvas, _ = letterbox(sample.image, options.canvas)
    height, width = resized_shape(sample.image, options.canvas)
    return drop_unseen(replace(resized(sample, canvas[:height, :width]), image=canvas))


def augment(sample: Sample, rng: Generator, options: Augmentation, backdrop: np.ndarray | None = None) -> Sample:
    """All of it; deterministic for one state of `rng`. backdrop: a hand-free photo to lie around the sample."""
    sample = fill_unlabelled(sample)
    if rng.random() < options.whole:
        return whole(sample, rng, options)
    sample = square_pixels(sample)
    if rng.random() < options.stretched and not (sample.absolute or sample.has_vertices.any()):
        sample = stretch(sample, float(np.exp(rng.normal(0, 0.12))))
    sample = place(sample, rng, options, backdrop)
    for _ in range(2):
        if rng.random() < options.occluder:
            occlude(sample, rng)
    sample.image = colours(sample.image, rng)
    if rng.random() < options.faults:
        sample.image = faults(sample.image, rng)
    return sample
