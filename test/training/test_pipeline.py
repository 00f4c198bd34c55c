"""As a user goes: both stages of a recipe on a DETR-like detector, export, prediction, evaluation; by the commands."""

import json

import cv2
import numpy as np
import onnxruntime
import pytest
import yaml

torch = pytest.importorskip("torch")
from made_datasets import HEIGHT, WIDTH, make_hint  # noqa: E402
from small_detectors import save, small_model  # noqa: E402
from small_run import PX, write_small_pool  # noqa: E402

from handos_model.camera import Camera  # noqa: E402
from handos_model.cli import main  # noqa: E402
from handos_model.data.pool import Pool  # noqa: E402
from handos_model.evaluation.paper.whole_image import BoxPredictor, WholeImagePredictor  # noqa: E402
from handos_model.prediction.session import HandSession  # noqa: E402
from handos_model.template.load import load_template  # noqa: E402
from handos_model.training.trained import TrainedNetwork  # noqa: E402


def write_recipe(folder, name, **changes):
    recipe = {
        "name": name, "max_steps": 2, "batch_size": 2, "warmup_steps": 1, "workers": 0, "threads": 1, "bf16": False,
        "detector": {"kind": "rt_detr", "source": str(folder / "detector")}, "side_widths": [16, 16, 16],
        "decoder": {"vertex_queries": True, "shared_heads": True, "own_values": True, "d_model": 32,
                    "d_value": 32, "heads": 4, "points_3d": 4, "feedforward": 32},
        "weights": {"side": 0.0},
        "augmentation": {"canvas": PX},
        "mixture": {"pool": str(folder / "pool"), "share_renders": 1.0},
    } | changes  # fmt: skip
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(recipe))
    return str(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pipeline")
    save(small_model("rt_detr"), folder / "detector")
    write_small_pool(folder / "pool", 4)
    return folder


def test_two_stages_export_and_prediction(folder, capsys):
    first, second = folder / "runs" / "first", folder / "runs" / "second"
    assert main(["train", write_recipe(folder, "first", stage="2d"), "--out", str(first)]) == 0
    started = write_recipe(folder, "second", start_from=str(first / "checkpoint.pt"))
    assert main(["train", started, "--out", str(second)]) == 0
    assert "weights are from" in capsys.readouterr().out
    (first / "checkpoint.pt").unlink()  # which a run that has begun no longer needs
    assert main(["train", started, "--out", str(second)]) == 0
    out = capsys.readouterr().out
    assert "weights are from" not in out and "has come to its end" in out
    weights = folder / "hands.onnx"
    checkpoint = str(second / "checkpoint.pt")
    # A random detector is sure of nothing.
    assert main(["export", checkpoint, "--out", str(weights), "--size", str(PX), "--threshold", "0"]) == 0
    picture = folder / "hand.png"
    cv2.imwrite(str(picture), np.ascontiguousarray(Pool(folder / "pool")[0].image[:, :, ::-1]))
    out = folder / "hands.jsonl"
    argv = ["predict", str(picture), "--weights", str(weights), "--vertices", "--out", str(out)]
    assert main(argv) == 0
    hands = json.loads(out.read_text())["hands"]
    assert hands and all(np.shape(hand["vertices"]) == (778, 3) and hand["score"] > 0 for hand in hands)


def evaluated(folder, *options):
    """The results of `handos evaluate` on HInt's test split of Ego4D's sequences."""
    out = folder / "figures.json"
    argv = ["evaluate", "--dataset", "hint", "--root", str(folder / "hint"), "--split", "test_ego4d_seq"]
    argv += ["--size", str(PX), "--threshold", "0", "--json", str(out), "--overwrite"]
    assert main([*argv, *options]) == 0
    return json.loads(out.read_text())


def label_beside(folder, weights):
    """Label HInt's one hand where the file sees its best, some joints beside. Errors (21,) in shares of the box."""
    (picture,) = (folder / "hint" / "TEST_ego4d_seq").glob("*.jpg")
    image = np.zeros((1, PX, PX, 3), np.uint8)
    image[0, :HEIGHT, :WIDTH] = cv2.imread(str(picture))[..., ::-1]
    scores, joints = onnxruntime.InferenceSession(weights).run(["scores", "joints_2d"], {"image": image})
    found = joints[scores.argmax()].astype(float)
    labels = found.copy()
    inner = np.argsort(np.abs(found - found.mean(0)).max(1))[:9]  # so that the box stays
    labels[inner, 0] += np.repeat([0.03, 0.08, 0.12], 3) * np.ptp(found, axis=0).max()
    record = json.loads(picture.with_suffix(".json").read_text())
    record[0]["keypoints"] = labels.tolist()
    picture.with_suffix(".json").write_text(json.dumps(record))
    return np.linalg.norm(labels - found, axis=1) / np.ptp(labels, axis=0).max()


def test_a_2d_model_is_evaluated_from_its_checkpoint_and_from_its_file(folder, capsys):
    """Table 6 is measured on such models. Both ways give the PCK of the same joints, and nothing in 3D."""
    run, weights = folder / "runs" / "flat", str(folder / "flat.onnx")
    make_hint(folder / "hint")
    assert main(["train", write_recipe(folder, "flat", stage="2d", max_steps=1), "--out", str(run)]) == 0
    checkpoint = str(run / "checkpoint.pt")
    assert main(["export", checkpoint, "--out", weights, "--size", str(PX), "--threshold", "0"]) == 0
    errors = label_beside(folder, weights)
    by_torch, by_onnx = evaluated(folder, "--checkpoint", checkpoint), evaluated(folder, "--weights", weights)
    assert by_torch["images"] == 1 and by_torch["figures"]["hands"] == 1
    shares = [(errors <= fraction).mean() for fraction in (0.05, 0.1, 0.15)]
    assert [by_torch["figures"][f"pck_2d@{fraction}"] for fraction in (0.05, 0.1, 0.15)] == pytest.approx(shares)
    assert shares[0] < shares[1] < shares[2] == 1 and "pck_2d_occluded@0.15" in by_torch["figures"]
    assert by_onnx["figures"] == pytest.approx(by_torch["figures"], abs=1e-6)
    assert not {"pck_proj@0.1", "pck_proj_fit@0.1", "side", "pa_mpjpe"} & set(by_torch["figures"])
    assert by_torch["absent"]["pck_proj"] == "the network is of stage 2d, which predicts only 2D joints"
    capsys.readouterr()
    assert main(["predict", str(folder / "hint"), "--weights", weights]) == 2
    assert "is of stage 2d, which has no mesh: only `handos evaluate` accepts it" in capsys.readouterr().err
    given = ["--dataset", "freihand", "--root", str(folder), "--checkpoint", checkpoint, "--submission", "a.zip"]
    assert main(["evaluate", *given]) == 2
    assert "--submission is of hands in 3D, which a network of stage 2d does not predict" in capsys.readouterr().err
    for other in ([], ["--given-boxes"]):
        assert main(["evaluate", *given, "--detector", *other]) == 2
        assert f"predicts no hands: leave out {(other or ['--submission'])[0]}" in capsys.readouterr().err


def test_a_checkpoint_says_what_its_file_says(folder):
    """Hands of a stage 2 checkpoint, read in torch, and of its ONNX file; and in the boxes that the detector gave."""
    run, weights = folder / "runs" / "second", folder / "hands.onnx"
    network = TrainedNetwork(run / "checkpoint.pt", device="cpu", threshold=0)
    by_torch = BoxPredictor(network, load_template(), PX, 0)
    by_onnx = WholeImagePredictor(HandSession(weights, "cpu"), load_template(), PX, 0)
    image, camera = Pool(folder / "pool")[1].image, Camera.from_fov(PX, PX)
    ours, theirs = by_torch.predict(image, camera), by_onnx.predict(image, camera)
    assert len(ours) == len(theirs) > 1
    for a, b in zip(ours, theirs, strict=True):
        assert a.side == b.side and np.abs(a.joints_2d - b.joints_2d).max() < 0.05
        assert np.abs(a.vertices - b.vertices).max() < 1e-3 * np.abs(a.vertices).max()
        said = a.joints_3d - a.translation + a.network_translation
        assert np.isfinite(camera.project(said)).all()
    boxes, scores = by_torch.detections(image)
    assert len(boxes) == len(scores) == 30
    given = by_torch.predict_boxes(image, boxes[[3, 7]], camera)
    assert len(given) == 2 and [hand.score for hand in given] == pytest.approx(scores[[3, 7]].tolist(), abs=1e-6)


def test_a_detector_that_is_not_there_is_one_sentence(folder, capsys):
    recipe = write_recipe(folder, "lost", detector={"kind": "rt_detr", "source": str(folder / "nowhere")})
    assert main(["train", recipe, "--out", str(folder / "runs" / "lost")]) == 2
    said = capsys.readouterr().err
    assert "nowhere" in said and len(said.strip().splitlines()) == 1
