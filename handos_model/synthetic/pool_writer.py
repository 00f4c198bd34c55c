"""Write pre-rendered frames to disk, with as many processes as wanted and the same result with any number."""

from __future__ import annotations

import dataclasses
import json
import multiprocessing
import signal
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.synchronize import Event
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from handos_model.hand import JOINTS, VERTICES
from handos_model.output.array_file import array_file
from handos_model.output.output_file import completed
from handos_model.synthetic.hand_render import MAX_RENDERED_HANDS, render_hands
from handos_model.synthetic.render_options import RenderOptions
from handos_model.synthetic.rendering.background import list_photos

FORMAT = 1
CHUNK = 50
_KEYS = {"format", "count", "size", "seed", "options"}  # of meta.json
_stop: Event | None = None  # of a worker: set when no more frames are wanted


def _arrays(count: int, size: int) -> dict[str, tuple[tuple[int, ...], type]]:
    return {
        "images": ((count, size, size, 3), np.uint8),
        "done": ((count,), np.uint8),
        "count": ((count,), np.int32),
        "K": ((count, 3, 3), np.float32),
        "joints_2d": ((count, MAX_RENDERED_HANDS, JOINTS, 3), np.float32),
        "vertices": ((count, MAX_RENDERED_HANDS, VERTICES, 3), np.float32),
        "joints_3d": ((count, MAX_RENDERED_HANDS, JOINTS, 3), np.float32),
        "side": ((count, MAX_RENDERED_HANDS), np.int8),
    }


def _file(folder: Path, name: str) -> Path:
    return folder / ("images.npy" if name == "images" else f"unfinished_{name}.npy")


def _description(count: int, size: int, seed: int, options: RenderOptions) -> dict:
    values = dataclasses.asdict(options)
    values["backgrounds"] = None if options.backgrounds is None else options.backgrounds.name
    values["excluded"] = sorted(options.excluded)
    return json.loads(json.dumps({"format": FORMAT, "count": count, "size": size, "seed": seed, "options": values}))


def write_pool(
    folder: Path, count: int, size: int, seed: int, options: RenderOptions, workers: int = 1, overwrite: bool = False
) -> bool:
    """Render `count` frames of size x size px into `folder`: images.npy, labels.npz, meta.json.

    Returns whether there was anything left to do.

    Frame i depends only on seed, i and options (whose width and height are replaced by size). An interrupted run
    continues when called again with the same arguments; a finished folder is left as it is, unless overwrite is set:
    then a pool that is there is removed, and nothing else of the folder. labels.npz:
    count (M,), K (M,3,3), joints_2d (M,2,21,3) px and flag, vertices (M,2,778,3) m, joints_3d (M,2,21,3) m, side (M,2);
    unused hands are zeros with side -1. Raises ValueError for wrong numbers or a folder that holds another pool, and
    FileExistsError for one with files of these names that are no pool.
    """
    if count < 1 or workers < 1:
        raise ValueError(f"pool of {count} frames by {workers} workers: give at least one of each")
    if seed < 0:
        raise ValueError(f"seed is {seed}, must be 0 or more")
    options = dataclasses.replace(options, width=size, height=size)
    if options.backgrounds is not None:
        list_photos(str(options.backgrounds), options.excluded)  # fails before a folder is made
    description = _description(count, size, seed, options)
    folder.mkdir(parents=True, exist_ok=True)
    meta = folder / "meta.json"
    _check_own(folder)
    if overwrite:
        _remove(folder)
    if meta.exists():
        if _described(meta) != description:
            raise ValueError(
                f"{folder} contains a pool with other settings (see its meta.json): replace it with --overwrite, or "
                "give an empty folder"
            )
        if (folder / "labels.npz").exists():
            return False
    if not _file(folder, "done").exists():  # made last, so it stands for all the others
        try:
            _begin(folder, count, size, description)
        except OSError:
            _remove(folder)
            raise
    _render_missing(folder, count, seed, options, workers)
    labels = {name: np.load(_file(folder, name)) for name in _arrays(count, size) if name not in ("images", "done")}
    with completed(folder / "labels.npz") as place:
        np.savez(place, **labels)
    for name in (*labels, "done"):
        _file(folder, name).unlink()
    return True


def _begin(folder: Path, count: int, size: int, description: dict) -> None:
    arrays = _arrays(count, size)
    for name, (shape, kind) in reversed(arrays.items()):
        if name != "done":
            array_file(_file(folder, name), kind, shape)
    with completed(folder / "meta.json") as place:
        place.write_text(json.dumps(description, indent=1))
    shape, kind = arrays["done"]
    array_file(_file(folder, "done"), kind, shape)


def _remove(folder: Path) -> None:
    """Removes a pool: first what says that it is complete or begun, last what says that it is one."""
    arrays = [_file(folder, name) for name in _arrays(1, 1) if name != "done"]
    for path in (_file(folder, "done"), folder / "labels.npz", *arrays, folder / "meta.json"):
        path.unlink(missing_ok=True)


def _check_own(folder: Path) -> None:
    """Raises FileExistsError if a pool would replace files that do not belong to one."""
    meta = folder / "meta.json"
    own = _described(meta) is not None if meta.exists() else _file(folder, "count").exists()
    there = [name for name in ("meta.json", "images.npy", "labels.npz") if (folder / name).exists()]
    if there and not own:
        raise FileExistsError(f"{folder / there[0]} exists and belongs to no pool of renders: give an empty folder")


def _described(meta: Path) -> dict | None:
    """The content of a pool's meta.json; None if the file belongs to something else."""
    try:
        content = json.loads(meta.read_bytes())
    except ValueError:
        return None
    return content if isinstance(content, dict) and content.keys() == _KEYS else None


def _render_missing(folder: Path, count: int, seed: int, options: RenderOptions, workers: int) -> None:
    done = np.load(_file(folder, "done"))
    missing = np.flatnonzero(done == 0)
    jobs = [(folder, seed, options, missing[i : i + CHUNK]) for i in range(0, len(missing), CHUNK)]
    with tqdm(total=count, initial=count - len(missing), unit="frame", smoothing=0.05) as bar:
        if workers == 1:
            for job in jobs:
                bar.update(_render_chunk(job))
            return
        # fresh processes: a fork would inherit the threads of OpenCV and of a training run around it
        fresh = multiprocessing.get_context("spawn")
        stop = fresh.Event()
        processes = ProcessPoolExecutor(min(workers, max(1, len(jobs))), fresh, _start_worker, (stop,))
        try:
            for finished in as_completed([processes.submit(_render_chunk, job) for job in jobs]):
                bar.update(finished.result())
        except BrokenProcessPool as error:
            raise ValueError(
                f"a process that renders was killed, perhaps for want of memory: continue {folder} with fewer --workers"
            ) from error
        finally:
            stop.set()
            processes.shutdown(cancel_futures=True)


def _start_worker(stop: Event) -> None:
    global _stop
    _stop = stop
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C on a terminal: the parent ends them after their frames


def _render_chunk(job: tuple[Path, int, RenderOptions, np.ndarray]) -> int:
    """Render the frames of the given numbers into the folder's arrays; returns how many."""
    folder, seed, options, numbers = job
    cv2.setNumThreads(1)
    arrays = {name: np.load(_file(folder, name), mmap_mode="r+") for name in _arrays(1, options.width)}
    for i in numbers:
        if _stop is not None and _stop.is_set():
            break
        frame = render_hands(np.random.default_rng([seed, int(i)]), options)
        n = len(frame.side)
        arrays["images"][i] = frame.image
        arrays["count"][i] = n
        arrays["K"][i] = frame.K
        arrays["side"][i] = -1
        arrays["side"][i, :n] = frame.side
        for name in ("joints_2d", "vertices", "joints_3d"):
            arrays[name][i] = 0
            arrays[name][i, :n] = getattr(frame, name)
        arrays["done"][i] = 1
    return len(numbers)
