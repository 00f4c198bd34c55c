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
    "image_parts": ("image_inputs", "PARTS"),
    "yaml": ("yaml_inputs", "YAML"),
    "template": ("template_inputs", "NPZ"),
    "mano": ("template_inputs", "MANO"),
    "onnx": ("weight_inputs", "ONNX"),
    "checkpoint": ("weight_inputs", "CHECKPOINT"),
    "arrays": ("weight_inputs", "ARRAYS"),
    "recording": ("recording_inputs", "RECORDINGS"),
    "video": ("recording_inputs", "MOVIES"),
}
# Of others, for one run: FUZZ_CLASSES=name=module.CONSTANT,...
for _given in filter(None, os.environ.get("FUZZ_CLASSES", "").split(",")):
    _name, _, _place = _given.partition("=")
    CLASSES[_name] = tuple(_place.split("."))


def load(name: str) -> FuzzClass:
    """The class of that name."""
    sys.path[:0] = [str(ROOT), str(ROOT / "test" / "support")]
    module, constant = CLASSES[name]
    return getattr(importlib.import_module(module), constant)
