"""Agreement of the repository's files: imports, versions, tables, links, the list of held-out photos."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from imports import imported

import handos_model
from handos_model.data.photos import Photos, held_out_backgrounds
from handos_model.evaluation.paper.rows import PAPER
from handos_model.evaluation.report import BARS, UNITS

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data"
SOURCES = sorted((ROOT / "handos_model").rglob("*.py"))
TORCH_FOLDERS = ("network", "training")
FORBIDDEN = {
    "torch": TORCH_FOLDERS, "transformers": ("network",), "accelerate": ("training",), "numba": ("synthetic",),
    "mediapipe": (), "rclpy": (), "sensor_msgs": (),
}  # fmt: skip
"""Packages and the only folders of handos_model that may import them."""


@pytest.mark.parametrize("package", FORBIDDEN)
def test_packages_stay_where_they_belong(package: str) -> None:
    allowed = tuple(ROOT / "handos_model" / folder for folder in FORBIDDEN[package])
    users = [path for path in SOURCES if package in imported(path)]
    assert [path for path in users if not any(folder in path.parents for folder in allowed)] == []


def test_the_nodes_train_nothing() -> None:
    users = [path for path in (ROOT / "handos_ros").rglob("*.py") if imported(path) & {"torch", "numba", "mediapipe"}]
    assert users == []


def test_prediction_pulls_in_no_training_package() -> None:
    code = "import sys, handos_model, handos_model.cli; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "numpy" in loaded.stdout.split()
    training = {"torch", "transformers", "accelerate", "numba", "scipy", "onnx", "mediapipe"}
    assert training.isdisjoint(loaded.stdout.split())


def test_every_folder_of_the_package_is_installed() -> None:
    folders = {path.parent for path in SOURCES}
    assert [folder for folder in folders if not (folder / "__init__.py").is_file()] == []


def test_one_version_everywhere() -> None:
    version = handos_model.__version__
    assert re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.M)[1] == version
    assert re.search(r"^version: (.+)$", (ROOT / "CITATION.cff").read_text(), re.M)[1] == version
    assert re.search(r"^@software.+version = {(.+?)}", (ROOT / "README.md").read_text(), re.M)[1] == version
    newest = re.search(r"^(Forthcoming|\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.rst").read_text(), re.M)[1]
    assert newest in ("Forthcoming", version)


def test_every_figure_of_a_data_set_is_explained() -> None:
    page = (ROOT / "docs/evaluation.md").read_text()
    explained = {name.partition("@")[0] for name in re.findall(r"`([a-z0-9_@]+)`", page)}
    figures = {name.partition("@")[0] for row in PAPER for name in row.figures} | set(UNITS)
    derived = ("_visible", "_occluded", "_of_labels")
    assert {name for name in figures if not name.endswith(derived)} <= explained


def test_published_bars_are_those_of_the_code() -> None:
    page = (ROOT / "docs/accuracy.md").read_text()
    rows = re.findall(r"^\| (\w+) \| ([^|]+) \| [^|]+ \| ([\d.]+) \| ([\d.]+) \|", page, re.M)
    expected = [(b.dataset, b.label, f"{b.floor:.{b.decimals}f}", f"{b.goal:.{b.decimals}f}") for b in BARS]
    assert rows == [row for row in expected if row[0] != "val"]  # its photos are not public


def test_held_out_backgrounds_are_200_different_photos() -> None:
    lines = (ROOT / "handos_model/data/heldout_backgrounds.txt").read_text().splitlines()
    assert len(lines) == len(set(lines)) == len(held_out_backgrounds()) == 200
    assert lines == sorted(lines) and all(line.startswith("backgrounds/") for line in lines)


@pytest.mark.skipif(not DATA.is_dir(), reason=f"no photos at {DATA}")
def test_held_out_backgrounds_exist_and_are_not_trained_on() -> None:
    records = json.loads(gzip.decompress((DATA / "train/labels.json.gz").read_bytes()))
    listed = {record["path"] for record in records if record["kind"] == "background"}
    assert held_out_backgrounds() <= listed
    trained_on = {record["path"] for record in Photos.load(DATA / "train", "background", "train").records}
    assert trained_on == listed - held_out_backgrounds()


def test_a_missing_photo_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"labels\.json\.gz"):
        Photos.load(tmp_path, "background", "train")
