"""Template files: the embedded template, and .npz files of the same kind."""

from __future__ import annotations

import hashlib
import io
import zipfile
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from handos_model.hand import JOINT_NAMES
from handos_model.template.hand_template import HandTemplate

EMBEDDED_TEMPLATE = Path(__file__).parents[1] / "weights" / "template.npz"
EMBEDDED_NAME = "webxr-generic-hand-778"
EMBEDDED_SHA256 = "65692417ff6b5692e30ebfcf7b9a2f1efc7f969d6c9f1c27e82ddc0b7f037a62"


def embedded_template() -> HandTemplate:
    """The template that comes with the package; ValueError where its file is damaged."""
    data = EMBEDDED_TEMPLATE.read_bytes()
    if hashlib.sha256(data).hexdigest() != EMBEDDED_SHA256:
        raise ValueError(
            f"the embedded hand template '{EMBEDDED_TEMPLATE}' is damaged (wrong checksum): install the package again"
        )
    return _parse_npz(data, EMBEDDED_TEMPLATE)


def read_template(path: Path) -> HandTemplate:
    """A template that save_template wrote; ValueError where it is damaged or of another kind."""
    return _parse_npz(path.read_bytes(), path)


def save_template(template: HandTemplate, path: str | Path) -> None:
    """Writes an .npz without pickles that load_template reads."""
    arrays: dict[str, Any] = {f.name: np.asarray(getattr(template, f.name)) for f in fields(HandTemplate)}
    np.savez_compressed(path, **arrays)


def _parse_npz(data: bytes, file: Path) -> HandTemplate:
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            values = {f.name: archive[f.name] for f in fields(HandTemplate)}
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(f"hand template '{file}' is damaged or not a template: {error}") from error
    values["name"] = str(values["name"])
    values["bone_names"] = tuple(str(name) for name in values["bone_names"])
    template = HandTemplate(**values)
    _check_shapes(template, file)
    return template


def _check_shapes(template: HandTemplate, file: Path) -> None:
    bones, vertices, coarse = len(template.bone_names), len(template.vertices), len(template.coarse)
    expected = {
        "vertices": (vertices, 3),
        "faces": (len(template.faces), 3),
        "joint_regressor": (len(JOINT_NAMES), vertices),
        "skinning_weights": (vertices, bones),
        "bone_parents": (bones,),
        "bone_frames": (bones, 4, 4),
        "coarse": (coarse,),
        "upsample": (vertices, coarse),
    }
    for name, shape in expected.items():
        found = getattr(template, name).shape
        if found != shape:
            raise ValueError(f"hand template '{file}': {name} has the shape {found}, expected {shape}")
