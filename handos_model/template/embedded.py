"""Template files: the embedded template, and .npz files of the same kind."""

from __future__ import annotations

import hashlib
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from handos_model.hand import JOINT_NAMES, VERTICES
from handos_model.io.archives.npz_file import Header, read_npz
from handos_model.io.files import TEMPLATE, one_line, read_file, shown
from handos_model.template.hand_template import HandTemplate

EMBEDDED_TEMPLATE = Path(__file__).parents[1] / "weights" / "template.npz"
EMBEDDED_NAME = "webxr-generic-hand-778"
MAX_BONES = 100
EMBEDDED_SHA256 = "65692417ff6b5692e30ebfcf7b9a2f1efc7f969d6c9f1c27e82ddc0b7f037a62"


def embedded_template() -> HandTemplate:
    """The template that comes with the package; ValueError if its file is damaged."""
    if hashlib.sha256(read_file(EMBEDDED_TEMPLATE, TEMPLATE)).hexdigest() != EMBEDDED_SHA256:
        raise ValueError(
            f"the embedded hand template '{EMBEDDED_TEMPLATE}' is damaged (wrong checksum): install the package again"
        )
    return read_template(EMBEDDED_TEMPLATE)


def read_template(path: Path) -> HandTemplate:
    """A template that save_template wrote; ValueError if it is damaged or of another kind."""
    values: dict[str, Any] = read_npz(path, TEMPLATE, lambda headers: _check_headers(headers, path))
    values["name"] = str(values["name"])
    values["bone_names"] = tuple(str(name) for name in values["bone_names"])
    template = HandTemplate(**values)
    _check_numbers(template, path)
    return template


def save_template(template: HandTemplate, path: str | Path) -> None:
    """Writes an .npz without pickles that load_template reads."""
    arrays: dict[str, Any] = {f.name: np.asarray(getattr(template, f.name)) for f in fields(HandTemplate)}
    np.savez_compressed(path, **arrays)


def _check_headers(headers: dict[str, Header], file: Path) -> None:
    """Raises ValueError if an array is missing or has a shape or type that no template has."""
    bones, coarse, faces = (_length(headers, name) for name in ("bone_names", "coarse", "faces"))
    expected = {
        "name": ((), "U"),
        "vertices": ((VERTICES, 3), "f"),
        "faces": ((faces, 3), "i"),
        "joint_regressor": ((len(JOINT_NAMES), VERTICES), "f"),
        "skinning_weights": ((VERTICES, bones), "f"),
        "bone_names": ((bones,), "U"),
        "bone_parents": ((bones,), "i"),
        "bone_frames": ((bones, 4, 4), "f"),
        "coarse": ((coarse,), "i"),
        "upsample": ((VERTICES, coarse), "f"),
    }
    if headers.keys() != expected.keys() or not 1 <= bones <= MAX_BONES or faces < 1:
        raise ValueError(f"hand template '{shown(file)}' is damaged or not a template: it lacks arrays")
    for name, (shape, kind) in expected.items():
        found = headers[name]
        if found.shape != shape or found.dtype.kind != kind:
            found_is = one_line(f"{found.dtype.name} {found.shape}", 80)
            raise ValueError(f"hand template '{shown(file)}': {name} is {found_is}, expected {kind} {shape}")


def _length(headers: dict[str, Header], name: str) -> int:
    """The length of an array; 0 if it is missing."""
    return next(iter(headers[name].shape), 0) if name in headers else 0


def _check_numbers(template: HandTemplate, file: Path) -> None:
    """Raises ValueError for numbers that are not finite, indices out of range and frames that cannot be inverted."""
    parents = template.bone_parents
    measured = (template.vertices, template.joint_regressor, template.skinning_weights, template.upsample)
    if not (
        all(np.isfinite(values).all() for values in (*measured, template.bone_frames))
        and all(((values >= 0) & (values < VERTICES)).all() for values in (template.faces, template.coarse))
        and ((parents >= -1) & (parents < np.arange(len(parents)))).all()
        and (np.abs(np.linalg.det(template.bone_frames[:, :3, :3].astype(float))) > 1e-6).all()
    ):
        raise ValueError(
            f"hand template '{shown(file)}' is damaged: its numbers are not finite, or its indices are out of range"
        )
