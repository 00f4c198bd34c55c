"""Effects of a camera on a picture: exposure, white balance, blur, sensor noise, JPEG."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numba import njit


def motion_kernel(length: float, angle: float) -> np.ndarray:
    """Normalised line kernel of a length in px along an angle in rad."""
    size = 2 * int(np.ceil(length / 2)) + 1
    kernel = np.zeros((size, size), np.float32)
    centre = size // 2
    reach = np.array([np.cos(angle), np.sin(angle)]) * length / 2
    start = tuple(int(round((centre - r) * 16)) for r in reach)
    end = tuple(int(round((centre + r) * 16)) for r in reach)
    cv2.line(kernel, start, end, 1.0, 1, cv2.LINE_AA, 4)
    kernel[centre, centre] = max(kernel[centre, centre], 1e-3)
    return kernel / kernel.sum()


def blur(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """Defocus or motion blur of a float32 image (H,W,3 or 4) at random, strength relative to its long edge."""
    edge = max(image.shape[:2]) / 256.0
    choice = rng.random()
    if choice < 0.25:
        return cv2.GaussianBlur(image, (0, 0), sigmaX=float(rng.uniform(0.3, 1.3) * edge + 0.05))
    if choice < 0.31:
        length = float(rng.uniform(1.5, 9.0) * edge)
        return cv2.filter2D(image, -1, motion_kernel(length, rng.uniform(0, np.pi)), borderType=cv2.BORDER_REPLICATE)
    return image


@njit(cache=True, fastmath=True)
def _grade(image, gains, curve, saturation):
    """Gains, tone curve (1025,) and saturation of a float32 image (H,W,3)."""
    out = np.empty_like(image)
    steps = np.float32(len(curve) - 1)
    rgb = np.empty(3, np.float32)
    for y in range(image.shape[0]):
        for x in range(image.shape[1]):
            for k in range(3):
                rgb[k] = curve[int(min(np.float32(1), max(np.float32(0), image[y, x, k] * gains[k])) * steps)]
            grey = np.float32(0.299) * rgb[0] + np.float32(0.587) * rgb[1] + np.float32(0.114) * rgb[2]
            for k in range(3):
                out[y, x, k] = grey + (rgb[k] - grey) * saturation
    return out


def tone(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """Exposure, white balance, contrast and saturation of a float32 RGB image in 0..1."""
    gains = np.exp(rng.normal(0, [0.05, 0.015, 0.06])) * np.exp(rng.normal(0, 0.13))
    curve = (np.linspace(0, 1, 1025) ** np.exp(rng.normal(0, 0.18))).astype(np.float32)
    saturation = 0.0 if rng.random() < 0.03 else np.clip(rng.normal(1.0, 0.2), 0.3, 1.6)
    return _grade(image, gains.astype(np.float32), curve, np.float32(saturation))


@lru_cache(maxsize=2)
def _grain(coarse: bool) -> np.ndarray:
    """A sheet of normal noise (1024,1024); coarse as of a picture that was scaled down or denoised."""
    noise = np.random.default_rng(5).standard_normal((1024, 1024), dtype=np.float32)
    if coarse:
        blurred = np.asarray(cv2.GaussianBlur(noise, (0, 0), 0.7), np.float32)
        return blurred / blurred.std()
    return noise


@njit(cache=True, fastmath=True)
def _expose(image, grain, level, shift):
    """Round a float32 picture (H,W,3) in 0..1 to uint8, with noise that grows with the root of the light."""
    out = np.empty(image.shape, np.uint8)
    for k in range(3):
        for y in range(image.shape[0]):
            for x in range(image.shape[1]):
                light = min(np.float32(1), max(np.float32(0), image[y, x, k]))
                noise = grain[(y + shift[k, 0]) & 1023, (x + shift[k, 1]) & 1023] * level
                value = light * np.float32(255) + noise * (np.float32(0.35) + np.sqrt(light)) + np.float32(0.5)
                out[y, x, k] = np.uint8(min(np.float32(255), max(np.float32(0), value)))
    return out


def sensor(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """Shot and read noise, quantisation and, mostly, JPEG: float32 RGB in 0..1 to uint8."""
    level = min(rng.exponential(1.8), 8.0) if rng.random() < 0.7 else 0.0
    shift = rng.integers(0, 1024, (3, 2))
    out = _expose(image, _grain(bool(rng.random() < 0.5)), np.float32(level), shift)
    if rng.random() < 0.75:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.uniform(35, 97))]
        _, data = cv2.imencode(".jpg", cv2.cvtColor(out, cv2.COLOR_RGB2BGR), quality)
        stored = cv2.imdecode(data, cv2.IMREAD_COLOR)
        assert stored is not None
        out = cv2.cvtColor(stored, cv2.COLOR_BGR2RGB)
    return out


def photograph(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """A float32 RGB image (H,W,3) in 0..1 as a camera would have stored it, uint8 (H,W,3)."""
    return sensor(rng, tone(rng, blur(rng, image)))
