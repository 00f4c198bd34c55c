"""The one door for files that are written, as every command uses it."""

import errno
import os
import signal

import numpy as np
import pytest
from command_line import refused
from made_files import write_image
from predicted import contents

from handos_model.cli import main
from handos_model.commands import render
from handos_model.output.output_file import Inputs, WriteRules, check_file, completed, completed_together, partial
from handos_model.output.tables import TABLES


def test_a_file_has_its_name_when_it_is_complete(tmp_path):
    path = tmp_path / "deep" / "a.tar.gz"
    with completed(path) as place:
        assert place == tmp_path / "deep" / "a.tar.part.gz" == partial(path)
        place.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new" and not place.exists()
    with pytest.raises(RuntimeError), completed(path) as place:
        place.write_text("half")
        raise RuntimeError
    assert path.read_text() == "new" and not place.exists()


def test_what_a_name_links_to_is_replaced(tmp_path):
    (tmp_path / "target").mkdir()
    (tmp_path / "link.txt").symlink_to(tmp_path / "target" / "a.txt")
    with completed(tmp_path / "link.txt") as place:
        place.write_text("new")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "target" / "a.txt").read_text() == "new"


def test_files_that_belong_together_come_together(tmp_path):
    paths = [tmp_path / "out" / name for name in ("a.onnx", "a.onnx.sha256")]
    with pytest.raises(OSError, match="cannot write .*a.onnx: No space left"), completed_together(paths) as place:
        (place / "a.onnx").write_text("half")
        raise OSError(errno.ENOSPC, "full")
    assert not list((tmp_path / "out").iterdir())
    with completed_together(paths) as place:
        for path in paths:
            (place / path.name).write_text(path.name)
    assert sorted((tmp_path / "out").iterdir()) == paths


def test_errors_of_other_files_keep_their_names(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"), completed(tmp_path / "a"):
        (tmp_path / "nowhere").read_text()


@pytest.mark.parametrize("path", ["a/x.bin", "a/../a/x.bin", "soft/x.bin", "hard.bin", "soft.bin", "a/X.PART.bin"])
def test_inputs_are_known_however_they_are_spelt(tmp_path, path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.bin").touch()
    (tmp_path / "a" / "X.PART.bin").touch()
    (tmp_path / "soft").symlink_to(tmp_path / "a")
    (tmp_path / "soft.bin").symlink_to(tmp_path / "a" / "x.bin")
    os.link(tmp_path / "a" / "x.bin", tmp_path / "hard.bin")
    for given in ([tmp_path / "a"], [tmp_path / "a" / "x.bin", tmp_path / "a" / "X.PART.bin"], [tmp_path / "soft"]):
        with pytest.raises(ValueError, match="is an input"):
            check_file(tmp_path / path, Inputs(given), WriteRules(overwrite=True))
    check_file(tmp_path / path, Inputs([]), WriteRules(overwrite=True))
    check_file(tmp_path / "a" / "new.bin", Inputs([tmp_path / "a"]), WriteRules())


def test_what_is_used_is_known_by_its_files_alone(tmp_path):
    (tmp_path / "labels").mkdir()
    for name in ("labels/xyz.json", "weights.onnx", "other.json"):
        (tmp_path / name).touch()
    os.link(tmp_path / "weights.onnx", tmp_path / "hard.npz")
    inputs = Inputs([], [tmp_path / "labels", tmp_path / "weights.onnx", tmp_path / "none"])
    for name in ("labels/xyz.json", "hard.npz"):
        with pytest.raises(ValueError, match="is an input"):
            check_file(tmp_path / name, inputs, WriteRules(overwrite=True))
    check_file(tmp_path / "other.json", inputs, WriteRules(overwrite=True))
    assert not inputs.lie_in(tmp_path)


@pytest.mark.parametrize("suffix", [*TABLES, ".jsonl", ".JSON"])
def test_results_in_a_folder_of_inputs_are_none_of_them(tmp_path, suffix):
    (tmp_path / f"results{suffix}").touch()
    (tmp_path / "photo.png").touch()
    inputs = Inputs([tmp_path])
    assert inputs.hold(tmp_path / "photo.png") and not inputs.hold(tmp_path / f"results{suffix}")
    check_file(tmp_path / f"results{suffix}", inputs, WriteRules(overwrite=True))


def test_a_folder_that_may_not_be_written_to(tmp_path):
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    (tmp_path / "shut").mkdir(mode=0o500)
    with pytest.raises(PermissionError, match="the folder cannot be written to:"):
        check_file(tmp_path / "shut" / "a", Inputs([]), WriteRules())


# --- the commands


def test_render_replaces_when_it_is_told_to(tmp_path, capsys):
    pytest.importorskip("numba")
    sheet = write_image(tmp_path / "sheet.png", np.zeros((8, 8, 3), np.uint8))
    before = sheet.read_bytes()
    argv = ["render", sheet, "--count", 1, "--size", 64]
    assert "exists: replace it with --overwrite" in refused(capsys, *argv)
    os.link(sheet, tmp_path / "photo.png")
    photos = tmp_path / "photos"
    photos.mkdir()
    os.link(sheet, photos / "photo.png")
    says = refused(capsys, *argv, "--overwrite", "--backgrounds", photos)
    assert "is an input, which would be lost" in says
    assert sheet.read_bytes() == before
    assert main([*map(str, argv), "--overwrite"]) == 0
    assert sheet.read_bytes() != before and (photos / "photo.png").read_bytes() == before


def test_export_never_writes_over_its_checkpoint_nor_what_its_recipe_names(tmp_path, capsys):
    pytest.importorskip("torch")
    for name in ("checkpoint.npz", "hand.npz", "start.npz", "hands.onnx"):
        (tmp_path / name).write_text("precious")
    base = "template: {}\nstart_from: {}\n".format(tmp_path / "hand.npz", tmp_path / "start.npz")
    (tmp_path / "base.yaml").write_text(base)
    (tmp_path / "recipe.yaml").write_text("extends: base.yaml\n")
    before = contents(tmp_path)
    argv = ["export", tmp_path / "checkpoint.npz", "--out"]
    for out in ("checkpoint.npz", "checkpoint.onnx", "recipe.yaml", "base.yaml", "hand.onnx", "start.onnx"):
        assert "is an input, which would be lost" in refused(capsys, *argv, tmp_path / out, "--overwrite")
    assert "exists" in refused(capsys, *argv, tmp_path / "hands.onnx")
    assert contents(tmp_path) == before


def test_figures_are_not_written_over(tmp_path, capsys):
    figures = tmp_path / "figures.json"
    figures.write_text("{}")
    argv = ["evaluate", "val", "--data", tmp_path, "--json", figures]
    assert "exists: replace it with --overwrite" in refused(capsys, *argv)
    assert "is an input" in refused(capsys, *argv, "--overwrite", "--weights", figures)
    assert figures.read_text() == "{}"
    (tmp_path / "own.find.onnx").touch()
    for name in ("annotated/labels.json", "own.see.onnx", "own.find.onnx.sha256", "recipe.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("precious")
        options = ["--weights", tmp_path / "own.find.onnx", "--checkpoint", tmp_path / "checkpoint.pt"]
        says = refused(capsys, *argv[:-1], tmp_path / name, *options, "--overwrite")
        assert "is an input, which would be lost" in says
    for name in ("mano/MANO_LEFT.pkl", "set/evaluation_xyz.json"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("precious")
        folders = ["--root", tmp_path / "set", "--mano", tmp_path / "mano"]
        published = ["evaluate", "--dataset", "freihand", *folders, "--json", tmp_path / name, "--overwrite"]
        assert "is an input, which would be lost" in refused(capsys, *published)
        assert (tmp_path / name).read_text() == "precious"


def test_a_sheet_never_replaces_a_file_of_mano(tmp_path, capsys):
    (tmp_path / "MANO_RIGHT.pkl").write_text("precious")
    os.link(tmp_path / "MANO_RIGHT.pkl", tmp_path / "sheet.png")
    argv = ["datasets", "check", "freihand", tmp_path / "set", "--mano", tmp_path, "--out", tmp_path / "sheet.png"]
    assert "is an input, which would be lost" in refused(capsys, *argv, "--overwrite")


def test_sigterm_is_like_ctrl_c_in_every_command(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(render, "run", lambda _: signal.raise_signal(signal.SIGTERM))
    before = signal.getsignal(signal.SIGTERM)
    assert main(["render", str(tmp_path / "pool")]) == 130
    assert signal.getsignal(signal.SIGTERM) is before
    assert capsys.readouterr().err == "handos: interrupted\n"
