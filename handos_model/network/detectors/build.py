"""Every kind of frozen detector by its name; those of transformers import it only when asked for."""

from __future__ import annotations

from importlib import import_module

from handos_model.network.detectors.detector import Detector

KINDS = {
    "landmarks": "landmark_detector.LandmarkDetector",
    "grounding_dino": "grounding_dino.GroundingDino",
    "rt_detr": "rt_detr.RTDetr",
    "d_fine": "d_fine.DFine",
    "deformable_detr": "deformable_detr.DeformableDetr",
}
"""Module and class of each kind in this folder."""


def build_detector(kind: str, source: str = "", target: str = "hand", memory_layer: int | None = None) -> Detector:
    """A frozen detector with the weights of `source`; see docs/detectors.md.

    source: a hub id, with @ and a commit where it is to stay the same, or a local folder; for landmarks an .npz file,
    by default the embedded one.
    target: what to detect: the prompt of Grounding DINO without its full stop, the name of a class for the others.
    memory_layer: the encoder layer, from 1, whose output is the memory (F_e4 and F_e6 of the paper's Table 6), where
    the encoder has layers to choose from (Grounding DINO, Deformable DETR); by default the last.

    Raises ValueError for an unknown kind or an option or source that does not fit, FileNotFoundError for a path that is
    not there.
    """
    if kind not in KINDS:
        raise ValueError(f"unknown detector {kind!r}: choose one of {', '.join(KINDS)}")
    module, name = KINDS[kind].split(".")
    found: type[Detector] = getattr(import_module(f"handos_model.network.detectors.{module}"), name)
    return found.from_source(source, target, memory_layer)
