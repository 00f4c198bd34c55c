"""Files in the folder of a run that make it repeatable.

recipe.yaml is the recipe with every default filled in; starts.jsonl has a line for each time the run was started.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import accelerate
import cv2
import numpy
import torch
import yaml

from handos_model import __version__
from handos_model.output.file_lock import claimed
from handos_model.output.output_file import Inputs, completed
from handos_model.training.batches import Source
from handos_model.training.recipe import Recipe

RECIPE_NAME, STARTS_NAME = "recipe.yaml", "starts.jsonl"
PACKAGES = (torch, accelerate, numpy, cv2)
LABEL_SUFFIXES = (".json", ".gz", ".npz", ".csv", ".txt")
LABEL_DEPTH = 2  # levels of folders below a data set's root that are searched: deeper are images and frames' labels


@contextmanager
def started(
    folder: Path, recipe: Recipe, sources: list[Source], device: torch.device, processes: int, step: int
) -> Iterator[None]:
    """Records a start at step `step` in the run's folder, in which this process alone trains until the end.

    Raises ValueError while another one does.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / STARTS_NAME).open("a") as file:
        if not claimed(file):
            raise ValueError(f"another process is training in {folder}: wait for its end, or give another folder")
        with completed(folder / RECIPE_NAME) as place:
            place.write_bytes(_whole(recipe))
        file.write(json.dumps(_start(recipe, sources, device, processes, step)) + "\n")
        file.flush()
        yield


def _start(recipe: Recipe, sources: list[Source], device: torch.device, processes: int, step: int) -> dict[str, Any]:
    return {
        "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "step": step,
        "command": sys.argv,
        "handos": __version__,
        "commit": git_commit(),
        "python": platform.python_version(),
        "packages": {package.__name__: package.__version__ for package in PACKAGES},
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "processes": processes,
        "threads": torch.get_num_threads(),
        "sources": [describe(source) for source in sources],
        "recipe": plain(asdict(recipe)),
    }


def check_recipe(folder: Path, recipe: Recipe, given: Iterable[Path]) -> None:
    """Raises ValueError if the recipe that a run writes would replace a file that the user gave, and change it."""
    path = folder / RECIPE_NAME
    if Inputs([], given).hold(path) and path.read_bytes() != _whole(recipe):
        raise ValueError(
            f"{path} is an input, which the run would replace by the recipe with every default filled in: move it out "
            f"of {folder}, and give its new place"
        )


def _whole(recipe: Recipe) -> bytes:
    return yaml.safe_dump(plain(asdict(recipe)), sort_keys=False).encode()


def plain(value: Any) -> Any:
    """The value with lists instead of tuples, which YAML's safe form lacks."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


def describe(source: Source) -> dict[str, Any]:
    """Location of a source, its number of images, and the SHA-256 of its label files."""
    return {
        "name": source.name,
        "root": str(source.root),
        "images": len(source.samples),
        "labels": {str(path.relative_to(source.root)): sha256(path) for path in label_files(source.root)},
    }


def label_files(root: Path) -> list[Path]:
    """Files of labels in `root` and its folders, down to LABEL_DEPTH, in order."""
    found = []
    for folder, folders, names in os.walk(root):
        if len(Path(folder).relative_to(root).parts) == LABEL_DEPTH:
            folders.clear()
        found += [Path(folder) / name for name in names if name.endswith(LABEL_SUFFIXES)]
    return sorted(found)


def sha256(path: Path) -> str:
    """SHA-256 of a file, read in pieces, since labels may be larger than memory."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def git_commit() -> str | None:
    """Commit of the source tree, with "+" where files differ from it; None for an installed package."""
    git = ["git", "-C", str(Path(__file__).parents[2])]
    try:
        commit = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
        status = [*git, "status", "--porcelain", "--untracked-files=no"]
        return commit + ("+" if subprocess.run(status, capture_output=True, text=True, check=True).stdout else "")
    except (OSError, subprocess.CalledProcessError):
        return None
