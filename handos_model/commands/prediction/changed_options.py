"""Options of the run that made complete results, which --resume keeps, as far as they show that these were others."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from handos_model.commands.prediction.frame_finder import FrameFinder
from handos_model.output.frame_record import Detail, intrinsics_record


def changed_options(record: dict[str, Any], finder: FrameFinder, detail: Detail) -> list[str]:
    """The options of which a record shows that its run had others than this one; most leave no trace in it.

    record: the first of the results, perhaps with only some of its keys; finder, detail: those of this run.
    """
    try:
        compared = {**_of_frame(record, finder), **_of_hand(record, finder, detail)}
    except (LookupError, TypeError, AttributeError):  # no results of `handos predict`
        return []
    return [option for option, is_other in compared.items() if is_other]


def _of_frame(record: dict[str, Any], finder: FrameFinder) -> dict[str, bool]:
    return {
        "the weights": record.get("model", finder.model) != finder.model,
        "--mirrored": record.get("mirrored", finder.mirrored) != finder.mirrored,
        "--intrinsics or --rectified": "intrinsics" in record and _of_another_camera(record, finder),
    }


def _of_another_camera(record: dict[str, Any], finder: FrameFinder) -> bool:
    found = record["intrinsics"]
    if finder.user_camera is None:
        return bool(found["source"] == "user")
    with suppress(ValueError):  # the camera has no images of that size
        camera = finder.user_camera(record["width"], record["height"])
        return bool(found != intrinsics_record(camera, "user"))
    return True


def _of_hand(record: dict[str, Any], finder: FrameFinder, detail: Detail) -> dict[str, bool]:
    if not record.get("hands"):
        return {}
    hand = record["hands"][0]
    return {
        "--vertices": ("vertices" in hand) != detail.vertices,
        "--mano": ("mano" in hand) != (detail.mano is not None),
        "--hand-scale": {hand["scale_source"], finder.scale} == {"prior", "user"},
        "--track": record["stamp_ns"] is not None and (hand["id"] >= 0) != finder.track,
    }
