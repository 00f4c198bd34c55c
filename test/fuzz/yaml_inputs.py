"""Calibrations and recipes."""

from __future__ import annotations

from pathlib import Path

from file_inputs import through_a_file
from fuzz_class import FuzzClass
from hostile_yaml import HOSTILE
from hypothesis import strategies as st

from handos_model.io.calibration.calibration_file import read_calibration
from handos_model.io.files import CALIBRATION
from handos_model.io.yaml_file import read_yaml
from handos_model.training.recipe import read_recipe

CAMERA = b"""image_width: 640
image_height: 480
camera_matrix: {rows: 3, cols: 3, data: [500.0, 0, 320, 0, 510, 240, 0, 0, 1]}
distortion_model: plumb_bob
distortion_coefficients: {rows: 1, cols: 5, data: [0.1, 0.02, 0, 0, 0]}
projection_matrix: {rows: 3, cols: 4, data: [490, 0, 321, 0, 0, 505, 239, 0, 0, 0, 1, 0]}
"""
CAMCHAIN = b"""cam0:
  camera_model: pinhole
  distortion_coeffs: [-0.28, 0.07, 0.0001, 1e-05]
  distortion_model: radtan
  intrinsics: [458.6, 457.3, 367.2, 248.4]
  resolution: [752, 480]
"""
RECIPES = [path.read_bytes() for path in sorted((Path(__file__).parents[2] / "config" / "train").glob("*.yaml"))]
SEEDS = [CAMERA, CAMCHAIN, *RECIPES, *(text.encode() for text, _ in HOSTILE.values() if len(text) < 5_000)]
TOKENS = [
    "a", "b: ", ": ", "- ", "\n", "  ", "[", "]", "{", "}", ", ", "&a ", "*a", "<<: ", "? ", "| ", "> ", "'", '"', "#",
    "!!", "!!int ", "!!float ", "!!set ", "!!omap ", "!!binary ", "!!timestamp ", "!!python/name:os.system ", "---\n",
    "%YAML 1.1\n", "...\n", "1", "-1", "0x", "0b1", "1e400", ".inf", ".nan", "1:2:3", "2026-01-01", "yes", "null",
    "~", "\t", "\\x", "\ufeff", "image_width: 640\n", "camera_matrix: ", "data: ", "distortion_coefficients: ",
    "name: x\n", "extends: fuzz.yaml\n", "stage: see\n", "decoder: ", "mixture: ", "datasets: ", "side_widths: ",
    "seed: ",
]  # fmt: skip
DOCUMENTS = st.lists(st.sampled_from(TOKENS) | st.text(max_size=3), max_size=40).map(
    lambda tokens: "".join(tokens).encode("utf-8", "surrogatepass")
)


def _read(path: Path) -> object:
    """By one of the readers, which the file's size decides."""
    reader = path.stat().st_size % 3
    return read_yaml(path, CALIBRATION) if reader == 0 else read_calibration(path) if reader == 1 else read_recipe(path)


YAML = FuzzClass(through_a_file("fuzz.yaml", _read), SEEDS, DOCUMENTS | st.binary(max_size=200))
