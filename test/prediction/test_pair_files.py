"""A pair of graphs, small and real: files that are none, and options."""

import shutil

import numpy as np
import pytest

pytest.importorskip("onnx")
from disc_network import RED, SURE, scene, write_pair

from handos_model import HandPredictor
from handos_model.prediction import predictor as predictor_module
from handos_model.prediction import session


@pytest.fixture
def pair(tmp_path):
    return write_pair(tmp_path)


# --- files


def test_a_pair_needs_both(pair):
    pair.with_name("discs.see.onnx").unlink()
    with pytest.raises(FileNotFoundError, match=r"there is no weights file .*discs\.see\.onnx"):
        HandPredictor(pair, "cpu")


def test_files_that_are_no_pair_are_refused(tmp_path):
    path = write_pair(tmp_path, see={"pair": "another"})
    with pytest.raises(ValueError, match="are not a pair: pair is 'red and green' in one, 'another' in the other"):
        HandPredictor(path, "cpu")


@pytest.mark.parametrize("name", ["discs.find.onnx", "discs.see.onnx"])
def test_damaged_files_are_refused(pair, name):
    file = pair.with_name(name)
    file.write_bytes(file.read_bytes()[:-400])
    with pytest.raises(ValueError, match=f"{name} is damaged or not an ONNX file"):
        HandPredictor(pair, "cpu")


def test_files_in_each_others_place_are_refused(tmp_path):
    path = write_pair(tmp_path, find={"score_threshold": "0.5"}, see={"size": "192", "find_threshold": "0.3"})
    see = path.with_name("discs.see.onnx")
    shutil.move(path, tmp_path / "kept")
    shutil.move(see, path)
    shutil.move(tmp_path / "kept", see)
    with pytest.raises(ValueError, match=r"find\.onnx is not a hand network: it lacks the outputs scores, views"):
        HandPredictor(path, "cpu")


@pytest.mark.parametrize("key", ["size", "find_threshold", "score_threshold", "shrinkage", "pair"])
def test_metadata_that_is_absent_or_no_number_is_named(tmp_path, key):
    kind = "see" if key in ("score_threshold", "shrinkage") else "find"
    with pytest.raises(ValueError, match=f"lacks {key} in its metadata"):
        HandPredictor(write_pair(tmp_path, **{kind: {key: ""}}), "cpu")
    if key != "pair":
        with pytest.raises(ValueError, match="large"):
            HandPredictor(write_pair(tmp_path, **{kind: {key: "large"}}), "cpu")


def test_cpus_made_for_it_see_followed_hands_in_8_bits(pair, tmp_path, monkeypatch):
    monkeypatch.setattr(session, "has_dot_products", lambda: True)
    elsewhere = tmp_path / "other"
    elsewhere.mkdir()
    image, view = scene((RED, 300, 200, 90)), np.array([300.0, 200, 180, 0])

    def scores():
        network = HandPredictor(pair, "cpu").network
        return [float(network.see(image, view, followed=followed).scores[0]) for followed in (False, True)]

    assert scores() == [pytest.approx(SURE)] * 2
    other = write_pair(elsewhere, presence=0.9).with_name("discs.see.onnx")
    shutil.copy(other, pair.with_name("discs.see.int8.onnx"))
    assert scores() == [pytest.approx(SURE), pytest.approx(0.9)]
    monkeypatch.setattr(session, "has_dot_products", lambda: False)  # such a CPU gains nothing by 8 bits
    assert scores() == [pytest.approx(SURE)] * 2
    monkeypatch.setattr(session, "has_dot_products", lambda: True)
    write_pair(elsewhere, see={"pair": "another"})
    shutil.copy(other, pair.with_name("discs.see.int8.onnx"))
    with pytest.raises(ValueError, match="are not a pair"):
        HandPredictor(pair, "cpu")


def test_the_embedded_pair_is_checked(tmp_path, monkeypatch):
    monkeypatch.setattr(predictor_module, "EMBEDDED_WEIGHTS", tmp_path / "embedded.find.onnx")
    with pytest.raises(FileNotFoundError, match="embedded weights are missing"):
        HandPredictor()
    write_pair(tmp_path, "embedded")
    with pytest.raises(FileNotFoundError, match="checksum of the embedded weights is missing"):
        HandPredictor()
    for kind in ("find", "see"):
        (tmp_path / f"embedded.{kind}.onnx.sha256").write_text("0" * 64 + "\n")
    with pytest.raises(ValueError, match="embedded weights are damaged"):
        HandPredictor()


# --- options


@pytest.mark.parametrize(
    "options, says",
    [
        ({"search": "slow"}, "search is 'slow', must be one of fast, thorough"),
        ({"passes": 0}, "passes is 0, must be a whole number from 1 to 5"),
        ({"size": 8}, "size is 8, must be"),
        ({"score_threshold": float("nan")}, "between 0 and 1"),
    ],
)
def test_wrong_options_are_refused(pair, options, says):
    with pytest.raises(ValueError, match=says):
        HandPredictor(pair, **options)


def test_tensorrt_without_tensorrt_is_refused(pair, monkeypatch):
    monkeypatch.setattr(session.ort, "get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(ValueError, match="no TensorRT: pip uninstall onnxruntime onnxruntime-gpu; "):
        HandPredictor(pair, "tensorrt")


@pytest.mark.filterwarnings("ignore:Specified provider")
@pytest.mark.parametrize(
    ("device", "provider", "needed"),
    [("cuda", "CUDA", "CUDA and cuDNN"), ("tensorrt", "Tensorrt", "CUDA, cuDNN and TensorRT")],
)
def test_a_gpu_that_does_not_start_is_said_with_what_it_needs(pair, monkeypatch, device, provider, needed):
    there = [*session.ort.get_available_providers(), f"{provider}ExecutionProvider"]
    monkeypatch.setattr(session.ort, "get_available_providers", lambda: there)
    with pytest.raises(ValueError, match=f"the driver and the versions of {needed}$"):
        HandPredictor(pair, device)


def test_tensorrt_keeps_its_engines(tmp_path, monkeypatch):
    providers = ["TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(session.ort, "get_available_providers", lambda: providers)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (name, options), *others = session.SessionOptions("tensorrt").providers()
    assert [name, *others] == providers
    assert options["trt_engine_cache_path"] == str(tmp_path / "handos" / "tensorrt")
    assert (tmp_path / "handos" / "tensorrt").is_dir()


def test_hands_are_nearer_by_the_shrinkage_of_the_weights_and_the_same_in_the_image(pair, tmp_path):
    files = pair, write_pair(tmp_path, "near", see={"shrinkage": "1.25"})
    (plain,), (near,) = (HandPredictor(file, "cpu").predict(scene((RED, 300, 200, 90))) for file in files)
    np.testing.assert_array_equal(near.joints_2d, plain.joints_2d)
    np.testing.assert_allclose(near.joints_3d - near.translation, plain.joints_3d - plain.translation, atol=1e-6)
    assert near.joints_3d[:, 2].mean() == pytest.approx(plain.joints_3d[:, 2].mean() / 1.25, rel=0.02)


@pytest.mark.parametrize("shrinkage", ["0", "-1", "2.1", "1e300"])
def test_a_shrinkage_that_no_network_has_is_refused(tmp_path, shrinkage):
    with pytest.raises(ValueError, match=r"discs\.see\.onnx has shrinkage .* in its metadata, must be 0\.5 to 2$"):
        HandPredictor(write_pair(tmp_path, see={"shrinkage": shrinkage}), "cpu")
