"""What a camera does to a picture: exposure, white balance, blur, sensor noise, JPEG."""

from __future__ import annotations

import cv2
import numpy as np


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
    if choice < 0.30:
        return cv2.GaussianBlur(image, (0, 0), sigmaX=float(rng.uniform(0.3, 1.3) * edge + 0.05))
    if choice < 0.40:
        length = float(rng.uniform(1.5, 9.0) * edge)
        return cv2.filter2D(image, -1, motion_kernel(length, rng.uniform(0, np.pi)), borderType=cv2.BORDER_REPLICATE)
    return image


def tone(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """Exposure, white balance, contrast and saturation of a float32 RGB image in 0..1."""
    gains = np.exp(rng.normal(0, [0.05, 0.015, 0.06])) * np.exp(rng.normal(0, 0.16))
    out = np.clip(image * gains.astype(np.float32), 0, 1)
    gamma = float(np.exp(rng.normal(0, 0.18)))
    if abs(gamma - 1) > 0.05:
        lut = (np.linspace(0, 1, 1025) ** gamma).astype(np.float32)
        out = lut[(out * 1024).astype(np.int32)]
    saturation = 0.0 if rng.random() < 0.03 else float(np.clip(rng.normal(1.0, 0.2), 0.3, 1.6))
    grey = out @ np.array([0.299, 0.587, 0.114], np.float32)
    return grey[..., None] + (out - grey[..., None]) * np.float32(saturation)


def sensor(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """Shot and read noise, quantisation and, mostly, JPEG: float32 RGB in 0..1 to uint8."""
    out = image * np.float32(255)
    if rng.random() < 0.7:
        level = float(rng.exponential(3.5))
        noise = rng.standard_normal(out.shape, dtype=np.float32)
        if rng.random() < 0.5:  # noise of a picture that was scaled down or denoised is not white
            noise = cv2.GaussianBlur(noise, (0, 0), 0.7) * np.float32(1.8)
        out = out + noise * (np.float32(level) * (0.35 + np.sqrt(np.clip(image, 0, 1))))
    out = np.clip(out + 0.5, 0, 255).astype(np.uint8)
    if rng.random() < 0.75:
        quality = int(rng.uniform(30, 97))
        _, data = cv2.imencode(".jpg", out[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
        out = np.ascontiguousarray(cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1])
    return out


def photograph(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """A float32 RGB image (H,W,3) in 0..1 as a camera would have stored it, uint8 (H,W,3)."""
    return sensor(rng, tone(rng, blur(rng, image)))
