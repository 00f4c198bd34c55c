"""examples/lerobot_dataset.py: recordings and their results belong together, or are refused at once."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from made_bags import SECOND, BagWriter
from made_files import write_image, write_video

from handos_model.camera import Camera
from handos_model.io.inputs import open_inputs
from handos_model.output.frame_record import frame_record, record_line

SCRIPT = Path(__file__).resolve().parents[2] / "examples" / "lerobot_dataset.py"
MODEL = {"name": "n", "version": "1"}


def grey(shade: int, size: tuple[int, int] = (32, 24)) -> np.ndarray:
    return np.full((size[1], size[0], 3), shade, np.uint8)


def write_results(path: Path, place: str, topic: str | None = None, fps: float = 0, **changes: object) -> Path:
    """The lines of `handos predict` on images without hands; fps: of images, which have no times."""
    path.parent.mkdir(exist_ok=True)
    lines = []
    for number, frame in enumerate(open_inputs([place], topic)[0]):
        assert frame.image is not None
        camera = Camera.from_fov(frame.image.shape[1], frame.image.shape[0])
        record = frame_record(frame, camera, "assumed", [], MODEL)
        if fps:
            record["stamp_ns"] = round(number * 1e9 / fps)
        lines.append(record_line(record | changes))
    path.write_text("".join(lines))
    return path


@pytest.fixture
def demos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """demos/a.avi, which is dark, demos/a.mkv, which is bright, and their results in results/."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "demos").mkdir()
    write_video(tmp_path / "demos" / "a.avi", [grey(50)] * 3)
    os.rename(write_video(tmp_path / "demos" / "b.avi", [grey(210)] * 3), tmp_path / "demos" / "a.mkv")
    write_results(tmp_path / "results" / "a.jsonl", "demos/a.avi")
    write_results(tmp_path / "results" / "a_2.jsonl", "demos/a.mkv")
    return tmp_path / "demos"


def shades(episode: Any) -> list[int]:
    return [int(np.median(image)) // 100 for image in episode.images()]


@pytest.mark.parametrize("spelling", ["demos/{}", "{demos}/{}", "./demos/../demos/{}"])
def test_results_are_found_however_files_are_called_and_recordings_spelt(
    demos: Path, example: ModuleType, spelling: str
) -> None:
    recordings = [Path(spelling.format(name, demos=demos)) for name in ("a.mkv", "a.avi")]
    bright, dark = example.episodes(recordings, Path("results"), None, 12)
    assert (shades(bright), shades(dark)) == ([2] * 3, [0] * 3)
    assert bright.states.shape == (3, 56)


def test_results_are_found_from_another_folder(
    demos: Path, example: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(demos)
    (bright,) = example.episodes([Path("a.mkv")], Path("../results"), None, 12)
    assert shades(bright) == [2] * 3


@pytest.mark.parametrize(
    "first_line",
    [
        b"",
        b"[1]\n",
        b"not json\n",
        b"\xff\xfe\n",
        b'{"image": null, "topic": null}\n',
        b'{"stamp_ns": 0, "hands": []}\n',
        b'{"image": "a.mkv#0", "stamp_ns": 0, "frame_id": "table", "topic": null, "hands": []}\n',  # of handos fuse
    ],
)
@pytest.mark.parametrize("name", ["0.jsonl", "0.part.jsonl"])
def test_files_of_other_kinds_are_passed_over(demos: Path, example: ModuleType, first_line: bytes, name: str) -> None:
    Path("results", name).write_bytes(first_line)
    Path("results", "folder.jsonl").mkdir()
    (bright,) = example.episodes([demos / "a.mkv"], Path("results"), None, 12)
    assert shades(bright) == [2] * 3


def test_a_folder_of_images_is_a_recording_if_it_has_times(demos: Path, example: ModuleType) -> None:
    for number, shade in enumerate((50, 210, 50)):
        write_image(demos / "stills" / f"{number}.png", grey(shade))
    write_results(Path("results/stills.jsonl"), "demos/stills", fps=10)
    (episode,) = example.episodes([demos / "stills"], Path("results"), None, 10)
    assert shades(episode) == [0, 2, 0]
    write_results(Path("results/stills.jsonl"), "demos/stills")
    with pytest.raises(ValueError, match="images have no time unless handos predict --fps N"):
        example.episodes([demos / "stills"], Path("results"), None, 10)


def test_the_topic_chooses_among_the_cameras_of_a_bag(tmp_path: Path, example: ModuleType) -> None:
    pytest.importorskip("rosbags")
    with BagWriter(tmp_path / "bag", "MCAP") as bag:
        for number in range(3):
            for topic, shade in (("/left/image", 50), ("/right/image", 210)):
                bag.image(topic, grey(shade), number * SECOND // 10)
    results = tmp_path / "results"
    for side in ("left", "right"):
        write_results(results / f"{side}.jsonl", str(tmp_path / "bag"), f"/{side}/image")
    (episode,) = example.episodes([tmp_path / "bag"], results, "/right/image", 10)
    assert shades(episode) == [2] * 3
    says = "several files hold results of .*bag, choose by --topic or leave one of them: .*left.jsonl, "
    with pytest.raises(ValueError, match=says):
        example.episodes([tmp_path / "bag"], results, None, 10)
    with pytest.raises(ValueError, match="holds no results of .*bag and its topic /middle"):
        example.episodes([tmp_path / "bag"], results, "/middle", 10)
    (results / "left.jsonl").unlink()
    assert shades(example.episodes([tmp_path / "bag"], results, None, 10)[0]) == [2] * 3


def refused(*arguments: str) -> str:
    """The script's answer when it refuses these arguments, on one line and without a data set."""
    argv = [sys.executable, str(SCRIPT), "DATASET", "--results", "results", "--task", "wave", *arguments]
    done = subprocess.run(argv, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
    return done.stderr.removeprefix("lerobot_dataset.py: ").strip()


def test_what_cannot_become_a_data_set_is_said_in_a_sentence(demos: Path) -> None:
    assert refused("demos/a.avi", "--fps", "0") == "--fps is 0, must be 1 or more"
    if importlib.util.find_spec("lerobot") is None:
        assert refused("demos/a.avi") == "No module named 'lerobot': pip install lerobot"
    assert refused("demos/none.avi") == "there is no demos/none.avi"
    assert refused("demos/a.avi", "--results", "nowhere") == "nowhere holds no results of demos/a.avi"
    write_video(demos / "large.avi", [grey(50, (64, 48))] * 3)
    write_results(Path("results/large.jsonl"), "demos/large.avi")
    says = refused("demos/a.avi", "demos/large.avi")
    assert says == "all images must have one size: demos/a.avi has 32x24 and demos/large.avi has 64x48"
    write_results(Path("results/a.jsonl"), "demos/a.avi", stamp_ns=None)
    says = "line 1 of results/a.jsonl is not a frame written by handos predict: stamp_ns is None: images have no time "
    assert refused("demos/a.avi") == f"{says}unless handos predict --fps N gives it"
    Path("results/a.jsonl").write_text("")
    assert refused("demos/a.avi") == "results holds no results of demos/a.avi"
    Path("results/a.jsonl").write_text(json.dumps([1]))
    assert refused("demos/a.avi") == "results holds no results of demos/a.avi"
    Path("DATASET").mkdir()
    assert refused("demos/a.mkv") == "DATASET exists"
