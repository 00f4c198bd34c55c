"""`handos predict --mano`: theta and beta beside each hand, in every table."""

import numpy as np
import pytest

pytest.importorskip("onnx")
from command_line import refused
from made_files import write_image
from made_mano import made_layer, write_mano
from predicted import PHOTO, lines_of

from handos_model.cli import main


def test_the_layer_gives_the_hand_back_from_what_is_written(tmp_path, weights):
    parquet = pytest.importorskip("pyarrow.parquet")
    image = write_image(tmp_path / "a.png", PHOTO)
    argv = ["predict", str(image), "--weights", weights, "--mano", str(write_mano(tmp_path / "mano")), "--out"]
    for name in ("o.jsonl", "o.npz", "o.parquet"):
        assert main([*argv, str(tmp_path / name)]) == 0
    (hand,) = lines_of(tmp_path / "o.jsonl")[0]["hands"]
    mano = hand["mano"]
    layer = made_layer(hand["side"])
    _, joints = layer(np.array(mano["pose"]), np.array(mano["shape"]), np.array(mano["translation"]))
    assert np.linalg.norm(joints - hand["joints_3d"], axis=1).max() < 5e-3
    with np.load(tmp_path / "o.npz") as arrays:
        for name, size in (("pose", 48), ("shape", 10), ("translation", 3)):
            assert arrays[f"mano_{name}"].shape == (1, size)
            np.testing.assert_allclose(arrays[f"mano_{name}"][0], mano[name], atol=1e-6)
    assert parquet.read_table(tmp_path / "o.parquet").to_pylist()[0]["hands"][0]["mano"] == mano


def test_a_folder_without_mano_is_refused(tmp_path, weights, capsys):
    image = write_image(tmp_path / "a.png", PHOTO)
    says = refused(capsys, "predict", image, "--weights", weights, "--mano", tmp_path)
    assert "MANO_LEFT.pkl, from mano.is.tue.mpg.de" in says
