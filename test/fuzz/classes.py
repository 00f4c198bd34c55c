"""All classes of hostile inputs by name: module and constant, so that a run imports those alone that it needs."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

from fuzz_class import FuzzClass

ROOT = Path(__file__).resolve().parents[2]
CLASSES = {
    "image": ("image_inputs", "IMAGES"),
    "yaml": ("yaml_inputs", "YAML"),
    "mano": ("template_inputs", "MANO"),
    "template": ("template_inputs", "NPZ"),
    "arrays": ("weight_inputs", "ARRAYS"),
    "checkpoint": ("weight_inputs", "CHECKPOINT"),
    "onnx": ("weight_inputs", "ONNX"),
    "recording": ("recording_inputs", "RECORDINGS"),
    "video": ("recording_inputs", "MOVIES"),
    "labels": ("dataset_inputs", "LABELS"),
    "message": ("message_inputs", "MESSAGES"),
    "request": ("message_inputs", "REQUESTS"),
    "fusion": ("fusion_inputs", "FUSION"),
    "hands": ("hand_array_inputs", "HANDS"),
}
SHARES = {
    "image": 24, "yaml": 12, "mano": 9, "template": 6, "arrays": 8, "checkpoint": 6, "onnx": 3, "recording": 5,
    "video": 5, "labels": 4, "message": 6, "request": 6, "fusion": 3, "hands": 3,
}  # fmt: skip
"""Per cent of a campaign: more of what is fast to read."""
# Of others, for one run: FUZZ_CLASSES=name=module.CONSTANT,...
for _given in filter(None, os.environ.get("FUZZ_CLASSES", "").split(",")):
    _name, _, _place = _given.partition("=")
    CLASSES[_name] = tuple(_place.split("."))


def load(name: str) -> FuzzClass:
    """The class of that name."""
    sys.path[:0] = [str(ROOT), str(ROOT / "test" / "support"), str(ROOT / "benchmarks")]
    module, constant = CLASSES[name]
    return getattr(importlib.import_module(module), constant)
