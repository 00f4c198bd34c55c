"""`handos reproduce` on made data: every cell of every table, though its numbers mean nothing."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
from command_line import refused  # noqa: E402
from made_paper import PX, make_all  # noqa: E402
from small_disk import small_disk  # noqa: E402

from handos_model.cli import main  # noqa: E402
from handos_model.evaluation.paper.rows import measurements  # noqa: E402
from handos_model.training.recipe import read_recipe  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")
RECIPES = Path(__file__).resolve().parents[2] / "config" / "train"


def test_a_trial_fills_every_cell_of_every_table(tmp_path, monkeypatch, capsys):
    changes = make_all(tmp_path)
    monkeypatch.chdir(tmp_path)
    argv = ["reproduce", "--recipes", str(RECIPES), "--changes", str(changes), "--device", "cpu"]
    argv += ["--size", str(PX), "--threshold", "0"]
    assert main([*argv, "--list"]) == 0
    listed = capsys.readouterr().out.splitlines()
    trained = [line.split()[2] for line in listed if " train " in line]
    assert len(trained) == len(set(trained)) == 19 and len(listed) == 19 + len(measurements())
    assert trained.index("paper_2d") < trained.index("paper_freihand") and not Path("runs").exists()
    assert trained.index("paper_2d_no_oks") < trained.index("table8_no_oks")

    assert main(argv) == 0
    table = capsys.readouterr().out
    assert "Empty: 0 cells." in table
    rows = [line for line in table.splitlines() if re.match(r"\| (?!row|---)", line)]
    assert len(rows) > 80 and all(re.search(r"\d \|$", row) for row in rows)
    for name in ("## Table 1", "## Table 6", "## Table 7", "## Table VIII (I)", "## Table X (III)", "## section 4.2"):
        assert name in table
    assert (
        Path("results/paper_ho3d/ho3d_pred.zip").is_file()
        and Path("results/paper_freihand/freihand_pred.zip").is_file()
    )

    # What is there is not made again; what went missing is, and nothing else.
    Path("results/paper_dexycb/dexycb_s0_test.json").unlink()
    assert main([*argv, "--list"]) == 0
    assert capsys.readouterr().out.split(" -> ")[0] == "1/1 evaluate paper_dexycb on dexycb s0_test"
    # What was made in a trial is not taken for the real thing.
    for trial, named in ((["--limit", "1"], "(limit)"), (["--threshold", "0.5"], "(threshold)")):
        assert main([*argv, *trial]) == 2
        assert f"was made with other settings {named}: give the same ones, or move results/" in capsys.readouterr().err
    assert main(["reproduce", "--recipes", str(RECIPES)]) == 2
    assert "runs/paper_2d/reproduced.yaml was made with other settings (" in capsys.readouterr().err
    assert main(["evaluate", "--paper", "results"]) == 0
    table = capsys.readouterr().out
    assert "Empty: 3 cells." in table and "not measured: there is no results/paper_dexycb/" in table


def test_rows_that_nobody_has_are_one_sentence(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["reproduce", "--recipes", str(RECIPES), "--only", "paper_fingers"]) == 2
    assert "no row of the paper needs paper_fingers: known are paper_freihand, " in capsys.readouterr().err
    assert main(["evaluate", "--paper", "nowhere"]) == 2
    assert "there is no folder nowhere" in capsys.readouterr().err
    Path("results/paper_freihand").mkdir(parents=True)
    Path("results/paper_freihand/freihand_evaluation.json").write_text(json.dumps({"figures": []}))
    assert main(["evaluate", "--paper", "results"]) == 2
    assert "freihand_evaluation.json is damaged" in capsys.readouterr().err
    assert main(["reproduce", "--recipes", str(RECIPES), "--only", "paper_freihand", "--list"]) == 2
    assert "freihand_evaluation.json is damaged" in capsys.readouterr().err


def make_folders():
    """All that the recipes of FreiHAND read, though with nothing in it."""
    for name in ("hint", "coco", "onehand10k", "freihand", "mano"):
        Path("datasets", name).mkdir(parents=True)
    Path("datasets/mano/MANO_RIGHT.pkl").touch()


@pytest.mark.parametrize(
    "options, says",
    [
        (["--limit", "0"], "--limit is 0, must be a whole number of 1 or more"),
        (["--size", "5"], "--size is 5, must be a whole number of px of 32 or more"),
        (["--threshold", "9"], "--threshold is 9.0, must lie between 0 and 1"),
        (["--launch", "no_such_launcher --processes 8"], "--launch: there is no command no_such_launcher"),
        (["--launch", "accelerate 'launch"], "--launch is accelerate 'launch: No closing quotation"),
        (["--device", "gpu"], "device is 'gpu', must be one of auto, cpu, cuda"),
        (["--changes", "changes.yaml"], "batch_size is 0, must be a whole number of 1 or more"),
        (
            ["--only", "table9_other_detector"],
            "need what is not there: detectors/hands, datasets/freihand; docs/datasets.md",
        ),
    ],
)
def test_what_would_stop_a_later_step_is_said_before_the_first(tmp_path, monkeypatch, capsys, options, says):
    monkeypatch.chdir(tmp_path)
    make_folders()
    Path("changes.yaml").write_text("batch_size: 0\n")
    Path("datasets/freihand").rmdir()
    argv = ["reproduce", "--recipes", str(RECIPES), "--only", "paper_2d", "--launch", "false", *options]
    assert says in refused(capsys, *argv)
    assert not Path("runs").exists()


def test_settings_of_a_run_are_written_whole_or_not_at_all(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    make_folders()
    argv = ["reproduce", "--recipes", str(RECIPES), "--only", "paper_freihand", "--launch", "false"]
    with small_disk(100):
        assert main(argv) == 2
    assert "cannot write " in capsys.readouterr().err and not list(Path("runs/paper_2d").iterdir())


def test_a_training_that_fails_elsewhere_stops_the_reproduction(tmp_path, monkeypatch, capsys):
    """A launcher gets the recipe with its changes; what it could not train is not marked as done."""
    (tmp_path / "changes.yaml").write_text("epochs: 3\n")
    monkeypatch.chdir(tmp_path)
    make_folders()
    argv = ["reproduce", "--recipes", str(RECIPES), "--only", "paper_freihand", "--changes", "changes.yaml"]
    assert main([*argv, "--launch", "false --processes 8"]) == 2
    said = capsys.readouterr()
    assert "training paper_2d ended with 1: false --processes 8 -m handos_model.cli train runs/paper_2d/" in said.err
    assert "1/3 train paper_2d" in said.out
    assert not Path("runs/paper_2d/done").exists()
    recipe = read_recipe(Path("runs/paper_2d/reproduced.yaml"))
    assert recipe.epochs == 3 and recipe == replace(read_recipe(RECIPES / "paper_2d.yaml"), epochs=3.0)
