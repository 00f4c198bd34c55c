"""Every kind of frozen detector by its name; those of transformers import it only when asked for."""

from __future__ import annotations

from pathlib import Path

from handos_model.network.detectors.detector import Detector

KINDS = ("landmarks", "grounding_dino", "rt_detr", "d_fine", "deformable_detr")


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
    match kind:
        case "landmarks":
            return build_landmark_detector(source, target, memory_layer)
        case "grounding_dino":
            from handos_model.network.detectors.grounding_dino import GroundingDino as DetectorClass
        case "rt_detr":
            from handos_model.network.detectors.rt_detr import RTDetr as DetectorClass
        case "d_fine":
            from handos_model.network.detectors.d_fine import DFine as DetectorClass
        case "deformable_detr":
            from handos_model.network.detectors.deformable_detr import DeformableDetr as DetectorClass
        case _:
            raise ValueError(f"unknown detector {kind!r}: choose one of {', '.join(KINDS)}")
    return DetectorClass.from_source(source, target, memory_layer)


def build_landmark_detector(source: str, target: str, memory_layer: int | None) -> Detector:
    """The one detector without text, classes or encoder layers to choose from."""
    from handos_model.network.detectors.landmark_detector import LandmarkDetector
    from handos_model.network.hand_landmarks import WEIGHTS

    if target != "hand" or memory_layer is not None:
        raise ValueError(
            f"the landmarks detector has no options: leave out target={target!r}, memory_layer={memory_layer}"
        )
    return LandmarkDetector(Path(source) if source else WEIGHTS)
