"""Declared parameters: defaults, limits, and what is said of a value that is not allowed."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="no ROS here")
pytest.importorskip("handos_ros.msg", reason="the package's messages are not built here")

import yaml

from handos_model.camera import DEFAULT_FOV
from handos_model.tracking.tracker import TrackerOptions
from handos_ros.camera_node import CameraSettings
from handos_ros.parameters import checked
from handos_ros.settings import OutputSettings, Settings

ROOT = Path(__file__).resolve().parents[2]
TABLES = {"hands_node": Settings, "camera_node": CameraSettings}


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_every_parameter_is_described_and_its_default_allowed(table: type) -> None:
    settings = table()
    for row in fields(table):
        assert len(row.metadata["description"]) > 10
        assert checked(settings, {row.name: row.default}) == settings


def test_defaults_are_those_of_the_parts() -> None:
    settings, options = Settings(), TrackerOptions()
    assert settings.assumed_fov == DEFAULT_FOV
    assert settings.smoothing is options.smoothing
    assert settings.track_max_age == options.max_age
    assert (settings.smoothing_min_cutoff, settings.smoothing_beta) == (options.min_cutoff, options.beta)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("hand_scale", 0.1, "hand_scale is 0.1, must lie between 0.2 and 5"),
        ("hand_scale", float("nan"), "hand_scale is nan, must lie between 0.2 and 5"),
        ("hand_scale", float("inf"), "hand_scale is inf, must lie between 0.2 and 5"),
        ("hand_scale", "big", "hand_scale is 'big', must be a number"),
        ("hand_scale", True, "hand_scale is True, must be a number"),
        ("hand_scale", None, "hand_scale is None, must be a number"),
        ("threads", -1, "threads is -1, must lie between 0 and 256"),
        ("threads", 2.0, "threads is 2.0, must be a whole number"),
        ("smoothing", 1, "smoothing is 1, must be true or false"),
        ("tf_names", "", "tf_names is '', must be one of side, id"),
        ("device", "tpu", "device is 'tpu', must be one of auto, cpu, cuda, tensorrt"),
        ("weights", [1, 2], "weights is [1, 2], must be text"),
        ("frame_prefix", "/robot/", "frame_prefix is '/robot/', must not start with /: tf2 refuses such frames"),
    ],
)
def test_a_value_that_is_not_allowed(name: str, value: object, sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        checked(Settings(), {name: value})


def test_limits_belong_to_the_range() -> None:
    for name, low, high in (("hand_scale", 0.2, 5.0), ("assumed_fov", 10.0, 170.0), ("max_hands", 0, 100)):
        for value in (low, high):
            assert getattr(checked(Settings(), {name: value}), name) == value


def test_whole_numbers_are_numbers_and_text() -> None:
    assert checked(Settings(), {"hand_scale": 1}).hand_scale == 1.0
    assert type(checked(Settings(), {"hand_scale": 1}).hand_scale) is float
    assert checked(CameraSettings(), {"source": 0}).source == "0"


def test_no_change_is_no_change() -> None:
    assert checked(Settings(), {}) == Settings()


def test_one_wrong_value_among_right_ones_changes_nothing() -> None:
    settings = Settings()
    with pytest.raises(ValueError, match="max_hands is 101"):
        checked(settings, {"hand_scale": 2.0, "max_hands": 101})
    assert settings == Settings()


def test_the_parameter_file_holds_the_defaults() -> None:
    text = (ROOT / "config/hands.yaml").read_text()
    values = yaml.safe_load(text)["/**/hands_node"]["ros__parameters"]
    assert values == {row.name: row.default for row in fields(Settings)}
    assert [type(value) for value in values.values()] == [type(row.default) for row in fields(Settings)]


def test_the_parameter_file_marks_those_that_fusion_node_has_as_well() -> None:
    marked = (ROOT / "config/hands.yaml").read_text().partition("    # Outputs: fusion_node has these")[2]
    assert re.findall(r"^    (\w+):", marked, re.M) == [row.name for row in fields(OutputSettings)]


def test_the_parameter_file_explains_each_as_the_node_does() -> None:
    comments = dict(re.findall(r"^    (\w+): .*?# (.+)$", (ROOT / "config/hands.yaml").read_text(), re.M))
    for row in fields(Settings):
        about, comment = row.metadata, comments[row.name]
        assert comment.startswith(about["description"])
        assert comment.endswith("*") == about["read_only"]
        if about["choices"]:
            assert f"[{', '.join(about['choices'])}]" in comment
        if about["low"] is not None:
            assert f"[{about['low']:g} to {about['high']:g}]" in comment
