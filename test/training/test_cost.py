"""The cost report against counts by hand."""

import json

import pytest
import torch
from small_detectors import saved_detector, small_detector
from torch import nn

from handos_model.cli import main
from handos_model.network.decoder import DecoderSize
from handos_model.network.handos import HandOS
from handos_model.template.load import load_template
from handos_model.training import cost

SIZES = {"d_model": 32, "d_value": 32, "heads": 4, "feedforward": 64}


@pytest.fixture(scope="module")
def network():
    return HandOS(small_detector("rt_detr"), load_template(), DecoderSize(**SIZES), [16] * 3, "backbone")


def test_flops_of_a_linear_layer_by_hand():
    layer = nn.Linear(30, 50)
    count, result = cost.gflops(lambda: layer(torch.zeros(7, 30)))
    assert count * 1e9 == pytest.approx(2 * 7 * 30 * 50) and result.shape == (7, 50)
    assert cost.gflops(lambda: None) == (0, None)
    assert cost.parameters(layer) == 30 * 50 + 50


def test_every_hand_costs_the_same_and_images_cost_by_their_area(network):
    small, large = cost.count(network, 64, 64), cost.count(network, 128, 64)
    assert 1.5 * small[0] < large[0] < 2.5 * small[0]  # most of the detector is convolutional
    assert large[2] == pytest.approx(small[2])
    found = network.detect(torch.rand(1, 3, 64, 64))
    three, _ = cost.gflops(lambda: network.decode(*found, cost.some(3, found)))
    one, _ = cost.gflops(lambda: network.decode(*found, cost.some(1, found)))
    assert three - one == pytest.approx(2 * small[2])


def test_the_report_adds_up(network):
    found = cost.measure(network, 64, 64, 2)
    assert found.detector_parameters == cost.parameters(network.detector)
    assert found.trained_parameters == sum(p.numel() for p in network.parameters()) - found.detector_parameters
    assert min(found.detector_ms, found.decoder_ms, found.memory_mb) > 0 and found.side_ms >= 0
    assert "(301 + 108 H)" in cost.report(found)


@pytest.mark.parametrize(
    "size, says", [((60, 64, 1), "60x64 px, both must be multiples of 32"), ((64, 64, 0), "hands is 0")]
)
def test_wrong_sizes_are_refused(network, size, says):
    with pytest.raises(ValueError, match=says):
        cost.measure(network, *size)


def test_devices():
    assert cost.chosen_device("cpu") == "cpu"
    with pytest.raises(ValueError, match="device is 'tpu', must be one of auto, cpu, cuda"):
        cost.chosen_device("tpu")
    if not torch.cuda.is_available():
        assert cost.chosen_device("auto") == "cpu"
        with pytest.raises(ValueError, match="torch finds no CUDA device"):
            cost.chosen_device("cuda")


def test_the_command(tmp_path, capsys):
    recipe = tmp_path / "recipe.yaml"
    detector = {"kind": "rt_detr", "source": str(saved_detector())}
    recipe.write_text(json.dumps({"detector": detector, "decoder": SIZES}))  # YAML knows all of JSON
    assert main(["benchmark", "--cost", str(recipe), "--pixels", "64x64", "--json", "--device", "cpu"]) == 0
    assert json.loads(capsys.readouterr().out)["hands"] == 1
    assert main(["benchmark", "--cost", str(recipe), "--pixels", "64"]) == 2
    assert "--pixels is 64" in capsys.readouterr().err
    small = ["benchmark", "--cost", "config/train/small.yaml", "--device", "cpu"]
    assert main([*small, "--hands", "2", "--json"]) == 0  # views of one hand each, of one size
    answer = json.loads(capsys.readouterr().out)
    assert (answer["width"], answer["height"], answer["hands"]) == (224, 224, 2) and answer["hand_gflops"] > 0
    assert main([*small, "--pixels", "256x256"]) == 2
    assert "the image is 256x256 px, this detector only takes 224x224" in capsys.readouterr().err
    assert main(["benchmark", "--cost", "config/train/small_find.yaml"]) == 2
    assert "is of stage find: --cost works for the stages 2d, full and see" in capsys.readouterr().err
    assert main(["benchmark"]) == 2
    assert "give an IMAGE to process, or --cost RECIPE" in capsys.readouterr().err
