"""Records as tables: Parquet, with a row per frame like a line of JSON, and NumPy's .npz, arrays over all hands."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from handos_model.camera import DISTORTION_COEFFICIENTS
from handos_model.hand import blank_hand
from handos_model.output.frame_record import NO_PIXELS, Detail

ROWS = 500
"""Number of frames in one row group of Parquet; that many are held in memory at once."""
MANO_SIZES = {"pose": 48, "shape": 10, "translation": 3}
"""Keys of a hand's `mano`, and how many numbers each has."""
COEFFICIENTS = max(max(counts) for counts in DISTORTION_COEFFICIENTS.values())
"""Columns of frame_distortion in an .npz: those of the model with the most, so that files can be joined."""
NO_TIME = -1
"""Value of stamp_ns in an .npz for frames that have no time."""


def write_parquet(records: Iterable[dict[str, Any]], place: Path, detail: Detail) -> None:
    """Writes the keys of the records as columns, with the optional ones; hands are a list of structs.

    Raises ModuleNotFoundError without PyArrow.
    """
    import pyarrow as pa
    from pyarrow import parquet

    schema = _schema(pa, detail.fused)
    rows: Iterator[dict[str, Any]] = iter(records)
    with place.open("wb") as file, parquet.ParquetWriter(file, schema) as writer:
        while batch := list(islice(rows, ROWS)):
            writer.write_table(pa.Table.from_pylist(batch, schema))


def first_of_parquet(path: Path) -> dict[str, Any]:
    """The first record without its hands, which may have large meshes."""
    from pyarrow import parquet

    with path.open("rb") as file:
        columns = ["image", "width", "height", "mirrored", "intrinsics", "model"]
        return dict(next(parquet.ParquetFile(file).iter_batches(1, columns=columns)).to_pylist()[0])


def _schema(pa: Any, fused: bool) -> Any:
    text, number, numbers = pa.string(), pa.float64(), pa.list_(pa.float64())
    lens = [*((name, number) for name in ("fx", "fy", "cx", "cy")), ("distortion_model", text), ("distortion", numbers)]
    image = [("width", pa.int64()), ("height", pa.int64()), ("mirrored", pa.bool_())]
    example = pa.array([blank_hand().to_dict(vertices=True)]).type
    of_hand = {field.name: field.type for field in example} | {
        "wrist": pa.struct([("position", numbers), ("orientation", numbers), ("covariance", numbers)]),
        "mano": pa.struct([(name, numbers) for name in MANO_SIZES]),
    }
    if fused:
        lens = image = []
        of_hand = {name: kind for name, kind in of_hand.items() if name not in (*NO_PIXELS, "mano")}
        of_hand |= {"cameras": pa.list_(text), "disagreement": number}
    return pa.schema(
        [
            ("image", text), ("stamp_ns", pa.int64()), ("frame_id", text), ("topic", text), *image,
            ("intrinsics", pa.struct([("source", text), *lens])),
            ("model", pa.struct([("name", text), ("version", text)])),
            ("hands", pa.list_(pa.struct(list(of_hand.items())))),
        ]
    )  # fmt: skip


def write_npz(records: Iterable[dict[str, Any]], place: Path, detail: Detail) -> None:
    """Writes arrays over the N frames, called frame_..., and over their M hands, with the frame's index in `frame`.

    detail: what was recorded of each hand in addition, on which the arrays depend even if there is no hand. No array
    needs pickle to be read. Missing values: NO_TIME in frame_stamp_ns, an empty text, NaN in an orientation or a mesh.
    """
    frames: list[dict[str, Any]] = []
    hands: list[dict[str, Any]] = []
    numbers: list[int] = []
    for record in records:
        numbers.extend([len(frames)] * len(record["hands"]))
        hands.extend(_arrays(hand) for hand in record.pop("hands"))
        frames.append(record)
    of_all = {"frame": np.array(numbers, np.int64), **_of_hands(hands, detail)}
    with place.open("wb") as file:
        arrays: dict[str, Any] = {**_of_frames(frames), **({} if detail.fused else _of_lenses(frames)), **of_all}
        np.savez_compressed(file, **arrays)


def first_of_npz(path: Path) -> dict[str, Any]:
    """The image of the first record."""
    with np.load(path, allow_pickle=False) as arrays:
        return {"image": str(arrays["frame_image"][0])}


def _arrays(hand: dict[str, Any]) -> dict[str, Any]:
    """A hand of a record with arrays instead of lists, which take ten times the memory."""
    return {
        name: np.array(value, np.float32) if isinstance(value, list) and name != "cameras" else value
        for name, value in hand.items()
    }


def _of_frames(frames: list[dict[str, Any]]) -> dict[str, np.ndarray]:
    stamps = [NO_TIME if frame["stamp_ns"] is None else frame["stamp_ns"] for frame in frames]
    return {
        **{f"frame_{name}": _texts(frame[name] or "" for frame in frames) for name in ("image", "frame_id", "topic")},
        "frame_stamp_ns": np.array(stamps, np.int64),
        "frame_intrinsics_source": _texts(frame["intrinsics"]["source"] for frame in frames),
        "frame_model": _texts(" ".join(frame["model"].values()) for frame in frames),
    }


def _of_lenses(frames: list[dict[str, Any]]) -> dict[str, np.ndarray]:
    intrinsics = [frame["intrinsics"] for frame in frames]
    sizes = [[frame["width"], frame["height"]] for frame in frames]
    K = [[values[name] for name in ("fx", "fy", "cx", "cy")] for values in intrinsics]
    lenses = [values["distortion"] for values in intrinsics]
    padded = [[*lens, *[np.nan] * (COEFFICIENTS - len(lens))] for lens in lenses]
    return {
        "frame_size": np.array(sizes, np.int64).reshape(-1, 2),
        "frame_mirrored": np.array([frame["mirrored"] for frame in frames], np.bool_),
        "frame_intrinsics": np.array(K, np.float64).reshape(-1, 4),
        "frame_distortion_model": _texts(values["distortion_model"] for values in intrinsics),
        "frame_distortion": np.array(padded, np.float64).reshape(-1, COEFFICIENTS),
    }


def _of_hands(hands: list[dict[str, Any]], detail: Detail) -> dict[str, np.ndarray]:
    arrays = {}
    for name, example in blank_hand().to_dict(detail.vertices).items():
        if detail.fused and name in NO_PIXELS:
            continue
        values = [hand[name] for hand in hands]
        if isinstance(example, str):
            arrays[name] = _texts(values)
        else:
            kind, shape = np.int64 if isinstance(example, int) else np.float32, np.shape(example)
            values = [value if np.size(value) else np.full(shape, np.nan) for value in values]
            arrays[name] = np.array(values, kind).reshape(len(hands), *shape)
    wrists = [hand["wrist"] for hand in hands]
    turns = [[np.nan] * 4 if wrist["orientation"] is None else wrist["orientation"] for wrist in wrists]
    return {
        **arrays,
        "wrist_position": np.array([wrist["position"] for wrist in wrists], np.float32).reshape(-1, 3),
        "wrist_orientation": np.array(turns, np.float32).reshape(-1, 4),
        "wrist_covariance": np.array([wrist["covariance"] for wrist in wrists], np.float32).reshape(-1, 6, 6),
        **(_of_mano([hand["mano"] for hand in hands]) if detail.mano else {}),
        **(_of_cameras(hands) if detail.fused else {}),
    }


def _of_cameras(hands: list[dict[str, Any]]) -> dict[str, np.ndarray]:
    """The names of C cameras, seen_by (M, C), which of them see each hand, and disagreement (M,) m."""
    names = list(dict.fromkeys(name for hand in hands for name in hand["cameras"]))
    seen = [[name in hand["cameras"] for name in names] for hand in hands]
    return {
        "cameras": _texts(names),
        "seen_by": np.array(seen, np.bool_).reshape(len(hands), len(names)),
        "disagreement": np.array([hand["disagreement"] for hand in hands], np.float32),
    }


def _of_mano(found: list[dict[str, Any] | None]) -> dict[str, np.ndarray]:
    """mano_pose (M, 48), mano_shape (M, 10) and mano_translation (M, 3), NaN for hands without them."""
    arrays = {}
    for name, size in MANO_SIZES.items():
        values = [mano[name] if mano else [np.nan] * size for mano in found]
        arrays[f"mano_{name}"] = np.array(values, np.float32).reshape(-1, size)
    return arrays


def _texts(values: Iterable[str]) -> np.ndarray:
    return np.array(list(values), np.str_)


@dataclass(frozen=True)
class Table:
    """A table format."""

    write: Callable[[Iterable[dict[str, Any]], Path, Detail], None]
    first: Callable[[Path], dict[str, Any]]
    """Reads keys of the first record, `image` and perhaps others; raises any error if there is none."""
    package: str = ""
    """A package that it needs in addition to the requirements of this package."""


TABLES = {
    ".parquet": Table(write_parquet, first_of_parquet, "pyarrow"),
    ".npz": Table(write_npz, first_of_npz),
}
"""Table formats by the suffix of the file."""
