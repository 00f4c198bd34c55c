"""`handos fuse`: files of several cameras in, one out."""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from made_hand import make_hand
from posed_hand import posed_hand, rotation
from watched_hand import CAMERA, PLACE, PLACES, extrinsics_values, found_by, standing, true_hand

from handos_model.camera import Camera
from handos_model.cli import main
from handos_model.fusion.results_files import read_results
from handos_model.hand import joints_box
from handos_model.io.frame import Frame
from handos_model.kinematics import anatomical
from handos_model.output.frame_record import Detail, frame_record, record_line
from handos_model.template.embedded import EMBEDDED_TEMPLATE
from handos_model.template.load import load_template

TEMPLATE = load_template()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """left.jsonl of 12 frames, right.jsonl of frames 4 to 11, 3 ms later, cameras.yaml."""
    monkeypatch.chdir(tmp_path)
    for name, first, late in (("left", 0, 0), ("right", 4, 3_000_000)):
        lines = []
        for index in range(first, 12):
            moved = true_hand(shift=(0.005 * index, 0, 0))
            frame = Frame(f"{name}.mp4#{index}", None, stamp_ns=index * 100_000_000 + late)
            hand = found_by(standing(PLACES[name]), moved, number=2, scale=1.15)
            lines.append(
                record_line(frame_record(frame, CAMERA, "user", [hand], {"name": "n", "version": "1"}, Detail(True)))
            )
        (tmp_path / f"{name}.jsonl").write_text("".join(lines))
    (tmp_path / "cameras.yaml").write_text(yaml.safe_dump(extrinsics_values()))
    return tmp_path


FUSE = ["fuse", "left.jsonl", "right.jsonl", "--extrinsics", "cameras.yaml", "--out", "fused.jsonl"]


def test_what_is_read_is_what_was_written(folder: Path) -> None:
    frames = list(read_results(folder / "right.jsonl"))
    assert len(frames) == 8 and frames[0].camera == "right" and frames[0].stamp_ns == 403_000_000
    wanted = found_by(standing(30), true_hand(shift=(0.02, 0, 0)), number=2, scale=1.15)
    (hand,) = frames[0].hands
    np.testing.assert_allclose(hand.vertices, wanted.vertices, atol=1e-5)
    assert (hand.id, hand.side, frames[0].lens.K.tolist()) == (2, "right", CAMERA.K.tolist())


def test_files_become_one(folder: Path, capsys: pytest.CaptureFixture) -> None:
    assert main([*FUSE, "--vertices"]) == 0
    assert "12 times; hands by number of cameras: 4 by 1, 8 by 2" in capsys.readouterr().err
    lines = [json.loads(line) for line in (folder / "fused.jsonl").read_text().splitlines()]
    assert [line["stamp_ns"] for line in lines[:5]] == [0, 100_000_000, 200_000_000, 300_000_000, 401_500_000]
    assert {line["frame_id"] for line in lines} == {"table"}
    for index, line in enumerate(lines):
        (hand,) = line["hands"]
        assert hand["id"] == 0 and hand["cameras"] == (["left"] if index < 4 else ["left", "right"])
        assert "joints_2d" not in hand and len(hand["vertices"]) == 778 and len(hand["wrist"]["covariance"]) == 36
        off = np.array(hand["joints_3d"]) - true_hand(shift=(0.005 * index, 0, 0))[1]
        error = np.linalg.norm(off, axis=1).mean()
        assert error < 0.003 if index >= 4 else 0.05 < error
    assert main(FUSE) == 2 and main([*FUSE, "--overwrite"]) == 0
    assert "vertices" not in json.loads((folder / "fused.jsonl").read_text().splitlines()[0])["hands"][0]


def test_a_file_whose_end_is_damaged_is_read_up_to_there(folder: Path, capsys: pytest.CaptureFixture) -> None:
    path = folder / "right.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:5]) + lines[5][:40])
    assert main(FUSE) == 1
    said = capsys.readouterr().err
    assert "12 times; hands by number of cameras: 7 by 1, 5 by 2" in said
    assert "line 6 of right.jsonl is not a frame written by handos predict" in said and "is not read\n" in said


def in_a_mirror(record: dict, camera: Camera) -> dict:
    """The record that `handos predict --mirrored` writes of mirror images of what the camera sees."""
    joints = [camera.project(np.array(hand["joints_3d"])) * [-1, 1] + [camera.width - 1, 0] for hand in record["hands"]]
    hands = [
        hand | {"joints_2d": points.round(2).tolist(), "box": joints_box(points).round(2).tolist()}
        for hand, points in zip(record["hands"], joints, strict=True)
    ]
    seen = camera.mirrored()
    intrinsics = record["intrinsics"] | {
        "cx": seen.K[0, 2], "distortion_model": seen.distortion_model, "distortion": seen.distortion.tolist()
    }  # fmt: skip
    return record | {"mirrored": True, "hands": hands, "intrinsics": intrinsics}


@pytest.mark.parametrize("distortion", [[], [0.1, -0.05, 0.004, 0.006, 0.01]])
@pytest.mark.parametrize("mirrored", [("left", "right"), ("right",)])
def test_mirror_images_are_fused_as_what_they_mirror(folder: Path, mirrored: tuple[str], distortion: list) -> None:
    camera = Camera(CAMERA.K, CAMERA.width, CAMERA.height, "plumb_bob" if distortion else "none", distortion)
    for name in mirrored:
        records = [json.loads(line) for line in (folder / f"{name}.jsonl").read_text().splitlines()]
        lines = [json.dumps(in_a_mirror(record, camera)) + "\n" for record in records]
        (folder / f"{name}.jsonl").write_text("".join(lines))
        lens = next(iter(read_results(folder / f"{name}.jsonl"))).lens
        np.testing.assert_allclose(lens.K, camera.K)
        np.testing.assert_allclose(lens.distortion, camera.distortion)
    assert main(FUSE) == 0
    lines = [json.loads(line) for line in (folder / "fused.jsonl").read_text().splitlines()]
    for index, line in enumerate(lines[4:], start=4):
        (hand,) = line["hands"]
        off = np.array(hand["joints_3d"]) - true_hand(shift=(0.005 * index, 0, 0))[1]
        assert np.linalg.norm(off, axis=1).mean() < 0.003 and hand["disagreement"] < 0.001


def test_results_of_before_that_do_not_mention_mirrors_are_read_as_before(folder: Path) -> None:
    path = folder / "left.jsonl"
    record = json.loads(path.read_text().splitlines()[0])
    del record["mirrored"]
    path.write_text(json.dumps(record) + "\n")
    (frame,) = read_results(path)
    np.testing.assert_allclose(frame.hands[0].joints_2d, record["hands"][0]["joints_2d"], rtol=1e-6)
    assert frame.lens.K.tolist() == CAMERA.K.tolist()


@pytest.mark.parametrize("rate", [30, 60, 90])
@pytest.mark.parametrize("offset", [0.0, 0.004])
def test_fast_cameras_are_fused_frame_by_frame(folder: Path, rate: int, offset: float) -> None:
    for name, late in (("left", 0.0), ("right", offset)):
        record = json.loads((folder / f"{name}.jsonl").read_text().splitlines()[0])
        lines = [json.dumps(record | {"stamp_ns": round((tick / rate + late) * 1e9)}) for tick in range(20)]
        (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n")
    assert main(FUSE) == 0
    fused = [json.loads(line) for line in (folder / "fused.jsonl").read_text().splitlines()]
    assert [line["hands"][0]["cameras"] for line in fused] == [["left", "right"]] * 20
    wanted = [round((tick / rate + offset / 2) * 1e9) for tick in range(20)]
    np.testing.assert_allclose([line["stamp_ns"] for line in fused], wanted, atol=1)


@pytest.mark.parametrize("slop", ["0", "0.003"])
def test_stamps_that_differ_by_exactly_the_slop_belong_together(folder: Path, slop: str) -> None:
    if slop == "0":
        (folder / "right.jsonl").write_text((folder / "right.jsonl").read_text().replace("03000000,", "00000000,"))
    assert main([*FUSE, "--slop", slop]) == 0
    fused = [json.loads(line) for line in (folder / "fused.jsonl").read_text().splitlines()]
    assert [len(line["hands"][0]["cameras"]) for line in fused] == [1] * 4 + [2] * 8


def test_stamps_that_never_meet_are_said(folder: Path, capsys: pytest.CaptureFixture) -> None:
    assert main([*FUSE, "--slop", "0.001"]) == 0
    assert "no hand was seen by two cameras at once" in capsys.readouterr().err


def edit(path: Path, hand: dict | None = None, **changes: object) -> None:
    """Changes the first line of a file; hand: what to change of its hand."""
    first, *others = path.read_text().splitlines(keepends=True)
    record = json.loads(first)
    record["hands"][0] |= hand or {}
    path.write_text("".join([json.dumps(record | changes) + "\n", *others]))


def test_a_leading_slash_of_a_frame_is_no_part_of_its_name(folder: Path) -> None:
    assert main(FUSE) == 0
    expected = (folder / "fused.jsonl").read_text()
    text = (folder / "left.jsonl").read_text()
    (folder / "left.jsonl").write_text(text.replace('"frame_id": null', '"frame_id": "/left"'))
    assert text != (folder / "left.jsonl").read_text()
    assert main([*FUSE, "--overwrite"]) == 0
    assert (folder / "fused.jsonl").read_text() == expected


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"stamp_ns": None}, "line 1 of left.jsonl.*images have no time"),
        ({"hand": {"vertices": [[0, 0, 1]]}}, "line 1 of left.jsonl.*vertices are 3 numbers, must be x, y, z of 778"),
        ({"stamp_ns": 10**12}, "line 2 of left.jsonl is earlier than"),
        ({"hands": [{}]}, "line 1 of left.jsonl is not a frame"),
        ({"hands": 3}, "line 1 of left.jsonl is not a frame"),
        ({"intrinsics": {}}, "line 1 of left.jsonl is not a frame"),
        ({"mirrored": "yes"}, "line 1 of left.jsonl is not a frame.*mirrored is 'yes'"),
        (
            {"frame_id": "kitchen"},
            "left.jsonl has no pose: kitchen is not in cameras.yaml, which has left, right; the file is",
        ),
        ({"frame_id": "right"}, "right.jsonl is of right like left.jsonl: give one file per camera"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_and_the_others_are_used(
    folder: Path, capsys: pytest.CaptureFixture, changes: dict, said: str
) -> None:
    edit(folder / "left.jsonl", **changes)
    assert main(FUSE) == 1
    assert re.search(said, capsys.readouterr().err)
    lines = [json.loads(line) for line in (folder / "fused.jsonl").read_text().splitlines()]
    assert len(lines) >= 8 and {len(hand["cameras"]) for line in lines for hand in line["hands"]} == {1}


def test_without_any_usable_file_nothing_is_written(folder: Path, capsys: pytest.CaptureFixture) -> None:
    (folder / "left.jsonl").write_text("{")
    (folder / "right.jsonl").unlink()
    assert main(FUSE) == 2 and not (folder / "fused.jsonl").exists()
    said = capsys.readouterr().err
    assert "line 1 of left.jsonl" in said and "there is no results file right.jsonl" in said


@pytest.mark.parametrize("image", ["a" * 5000 + ".mcap#0", "\0.mcap#0", "\ud800.mcap#0", "nowhere.mcap#0"])
def test_recordings_that_cannot_be_here_are_not_looked_for(
    folder: Path, capsys: pytest.CaptureFixture, image: str
) -> None:
    edit(folder / "left.jsonl", image=image)
    assert main([*FUSE[:3], "--frame", "table", "--out", "fused.jsonl"]) == 2
    assert "left.jsonl names no recording that is here" in capsys.readouterr().err
    assert main(FUSE) == 0


def test_what_is_no_regular_file_is_left_out(folder: Path, capsys: pytest.CaptureFixture) -> None:
    (folder / "left.jsonl").unlink()
    os.mkfifo(folder / "left.jsonl")
    assert main(FUSE) == 1
    assert "results file left.jsonl is not a regular file; the file is left out" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", [{"score": -0.9}, {"box": [4e38] * 4}, {"vertices": [[0, 0, 1e300]] * 778}])
@pytest.mark.filterwarnings("error")
def test_hands_that_are_left_out_are_counted(folder: Path, capsys: pytest.CaptureFixture, wrong: dict) -> None:
    edit(folder / "left.jsonl", hand=wrong)
    assert main(FUSE) == 0
    said = capsys.readouterr().err
    assert "hands that are left out because their numbers are not those of a hand in front of a camera: 1" in said
    assert "12 times; hands by number of cameras: 3 by 1, 8 by 2" in said


def test_no_file_is_written_over(folder: Path, capsys: pytest.CaptureFixture) -> None:
    assert main([*FUSE[:-1], "left.jsonl", "--overwrite"]) == 2
    assert "is an input" in capsys.readouterr().err
    assert main([*FUSE[:-1], "fused.csv"]) == 2 and main([*FUSE, "--slop", "nan"]) == 2


def test_the_template_is_not_written_over_by_a_link(folder: Path, capsys: pytest.CaptureFixture) -> None:
    content = EMBEDDED_TEMPLATE.read_bytes()
    (folder / "hand.npz").write_bytes(content)
    (folder / "fused.jsonl").symlink_to("hand.npz")
    assert main([*FUSE, "--template", "hand.npz", "--overwrite"]) == 2
    assert "is an input" in capsys.readouterr().err and (folder / "hand.npz").read_bytes() == content


def test_empty_files_give_an_empty_one_and_are_named(folder: Path, capsys: pytest.CaptureFixture) -> None:
    for name, left in (("right", 12), ("left", 0)):
        (folder / f"{name}.jsonl").write_text("")
        assert main([*FUSE, "--overwrite"]) == 0 and (folder / "fused.jsonl").read_text().count("\n") == left
        said = capsys.readouterr().err
        assert f"file {name}.jsonl is empty: it holds no frame" in said and "check the stamps" not in said
    assert (folder / "fused.jsonl").read_text() == ""


def bent_backwards(folder: Path, *vertices: bool) -> None:
    """One frame of each camera, which see fingers that bend backwards, with and without a mesh."""
    mesh, joints = posed_hand(-0.7, turn=rotation((1, 2, 0), 0.5))
    for (name, at), detail in zip(PLACES.items(), vertices, strict=True):
        hand = found_by(standing(at), (mesh + PLACE, joints + PLACE), scale=1.15)
        frame = Frame(f"{name}.mp4#0", None, stamp_ns=0)
        record = frame_record(frame, CAMERA, "user", [hand], {"name": "n", "version": "1"}, Detail(detail))
        (folder / f"{name}.jsonl").write_text(record_line(record))


def test_anatomical_hands_are_possible_after_fusion(folder: Path) -> None:
    bent_backwards(folder, True, True)
    hands = []
    for options in ([], ["--anatomical"]):
        assert main([*FUSE, "--vertices", "--overwrite", *options]) == 0
        (hand,) = json.loads((folder / "fused.jsonl").read_text())["hands"]
        hands.append(replace(make_hand(), vertices=np.array(hand["vertices"], np.float32), id=hand["id"]))
        np.testing.assert_allclose(TEMPLATE.joint_regressor @ hands[-1].vertices, hand["joints_3d"], atol=2e-3)
    off = [np.abs(one.vertices - two.vertices).max() for one, two in zip(hands, anatomical(hands), strict=True)]
    assert off[0] > 0.02 and off[1] < 1e-3  # the nearest possible hand to one is itself
    np.testing.assert_allclose(hands[1].vertices, anatomical(hands)[0].vertices, atol=2e-4)


def test_anatomical_hands_need_a_mesh(folder: Path, capsys: pytest.CaptureFixture) -> None:
    bent_backwards(folder, False, True)
    assert main([*FUSE, "--anatomical"]) == 0
    bent_backwards(folder, False, False)
    assert main([*FUSE, "--anatomical", "--overwrite"]) == 2
    assert "run handos predict with --vertices" in capsys.readouterr().err


def test_a_template_that_is_no_file_is_refused(folder: Path, capsys: pytest.CaptureFixture) -> None:
    assert main([*FUSE, "--template", "nowhere.pkl"]) == 2
    assert "there is no hand template nowhere.pkl" in capsys.readouterr().err
