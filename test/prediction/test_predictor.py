import dataclasses
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

pytest.importorskip("onnx")
from fake_network import METADATA, answer, write_network
from made_cameras import CAMERAS, PLAIN
from posed_hand import posed_hand, rotation

from handos_model import Camera, HandPredictor
from handos_model.prediction import session
from handos_model.prediction.letterbox import letterbox, to_network, to_source
from handos_model.template.load import load_template

IMAGE = np.zeros((480, 640, 3), np.uint8)
PLACES = {"centre": (0.0, 0.0, 0.5), "corner": (-0.38, 0.22, 0.6), "far": (0.5, -0.3, 1.5)}


def placed(place: str, side: str = "right", curl: float = 0.5):
    vertices, joints = posed_hand(curl, side, rotation((1, 2, 3), 0.6))
    return vertices + PLACES[place], joints + PLACES[place]


def predictor_of(tmp_path, answers, **options) -> HandPredictor:
    return HandPredictor(write_network(tmp_path / "fake.onnx", answers, 640), **options)


# --- letterbox


@pytest.mark.parametrize(
    "shape, size, padded, resized",
    [((480, 640), 320, (256, 320), (240, 320)), ((640, 480), 320, (320, 256), (320, 240)),
     ((100, 100), 256, (256, 256), (256, 256)), ((3, 1000), 320, (32, 320), (1, 320)),
     ((99, 333), 224, (96, 224), (67, 224))],
)  # fmt: skip
def test_letterbox_sizes(shape, size, padded, resized):
    image = np.full((*shape, 3), 200, np.uint8)
    canvas, scale = letterbox(image, size)
    assert canvas.shape == (*padded, 3)
    assert canvas.dtype == np.uint8
    np.testing.assert_allclose(scale, [resized[1] / shape[1], resized[0] / shape[0]])
    assert (canvas[: resized[0], : resized[1]] == 200).all()
    assert not canvas[resized[0] :].any()
    assert not canvas[:, resized[1] :].any()


@pytest.mark.parametrize("size", [160, 448], ids=["shrunk", "grown"])
def test_letterbox_maps_pixel_centres_exactly(size):
    y, x = np.mgrid[0:240, 0:320].astype(np.float64)
    blob = np.exp(-((x - 201.3) ** 2 + (y - 77.8) ** 2) / 200)
    canvas, scale = letterbox(np.repeat((blob * 255).astype(np.uint8)[..., None], 3, axis=2), size)
    weight = canvas[..., 0].astype(np.float64)
    rows, columns = np.mgrid[0 : canvas.shape[0], 0 : canvas.shape[1]]
    centre = np.array([(columns * weight).sum(), (rows * weight).sum()]) / weight.sum()
    np.testing.assert_allclose(to_source(centre, scale), [201.3, 77.8], atol=0.05)
    np.testing.assert_allclose(to_network(np.array([201.3, 77.8]), scale), centre, atol=0.05)


def test_letterbox_refuses_a_tiny_size():
    with pytest.raises(ValueError, match="size is 16, must be 32"):
        letterbox(IMAGE, 16)


# --- geometry


@CAMERAS
@pytest.mark.parametrize("place", PLACES)
def test_a_known_hand_comes_back_in_the_camera_frame(tmp_path, camera, place):
    vertices, joints = placed(place)
    predictor = predictor_of(tmp_path, [answer(vertices, joints, camera, angle=0.8)])
    (hand,) = predictor.predict(IMAGE, camera)
    np.testing.assert_allclose(hand.joints_2d, camera.project(joints), atol=1e-3)
    np.testing.assert_allclose(hand.joints_3d, joints, atol=1e-4)
    np.testing.assert_allclose(hand.vertices, vertices, atol=1e-4)
    np.testing.assert_allclose(hand.translation, joints[0], atol=1e-4)
    assert hand.score == pytest.approx(0.9)
    assert hand.id == -1


def test_rounding_of_the_short_edge_is_undone(tmp_path):
    camera = Camera.from_intrinsics(500, 510, 310, 230, 640, 427)
    vertices, joints = placed("centre")
    predictor = predictor_of(tmp_path, [answer(vertices, joints, camera)], size=320)
    (hand,) = predictor.predict(IMAGE[:427], camera)  # 213.5 rows become 214
    expected = camera.project(joints)
    np.testing.assert_allclose(hand.joints_2d[:, 0], expected[:, 0], atol=1e-3)
    # the fake network scales y with the width; only the exact inverse of 214 / 427 gives this
    np.testing.assert_allclose(hand.joints_2d[:, 1], (expected[:, 1] + 0.5) * 320 / 640 * 427 / 214 - 0.5, atol=1e-3)


@pytest.mark.parametrize("side, right", [("left", 0.0), ("right", 1.0)])
def test_side_comes_from_the_mesh(tmp_path, side, right):
    vertices, joints = placed("centre", side)
    (hand,) = predictor_of(tmp_path, [answer(vertices, joints, PLAIN, right=right)]).predict(IMAGE, PLAIN)
    assert hand.side == side
    assert hand.side_confidence == 1


@pytest.mark.parametrize("right", [0.0, 0.53])
def test_a_side_that_mesh_and_network_do_not_agree_on_is_unknown(tmp_path, right):
    vertices, joints = placed("centre", "right")
    (hand,) = predictor_of(tmp_path, [answer(vertices, joints, PLAIN, right=right)]).predict(IMAGE, PLAIN)
    assert hand.side == "unknown"
    assert hand.side_confidence == pytest.approx(max(2 * right - 1, 0), abs=1e-6)


def test_hand_scale_moves_and_grows_the_hand(tmp_path):
    vertices, joints = placed("corner")
    (hand,) = predictor_of(tmp_path, [answer(vertices, joints, PLAIN)], hand_scale=1.1).predict(IMAGE, PLAIN)
    np.testing.assert_allclose(hand.joints_3d, 1.1 * joints, atol=1e-4)
    np.testing.assert_allclose(hand.vertices, 1.1 * vertices, atol=1e-4)


def test_threads_that_do_not_spin_answer_the_same(tmp_path):
    predictors = [
        predictor_of(tmp_path, [answer(*placed("centre"), PLAIN)], threads=2, spinning=spinning)
        for spinning in (True, False)
    ]
    first, second = (predictor.predict(IMAGE, PLAIN)[0].vertices for predictor in predictors)
    np.testing.assert_array_equal(first, second)


def test_several_threads_may_share_a_predictor(tmp_path):
    predictor = predictor_of(tmp_path, [answer(*placed("centre"), PLAIN)])
    (alone,) = predictor.predict(IMAGE, PLAIN)
    with ThreadPoolExecutor(4) as pool:
        for (hand,) in pool.map(lambda _: predictor.predict(IMAGE, PLAIN), range(20)):
            np.testing.assert_array_equal(hand.vertices, alone.vertices)


@pytest.mark.parametrize("place", PLACES)
def test_without_confident_joints_the_network_places_the_hand(tmp_path, place):
    vertices, joints = placed(place)
    predictor = predictor_of(tmp_path, [answer(vertices, joints, PLAIN, angle=-0.5, confidence=0.0)])
    (hand,) = predictor.predict(IMAGE, PLAIN)
    np.testing.assert_allclose(hand.joints_3d, joints, atol=1e-4)


def test_a_hand_behind_the_camera_is_left_out(tmp_path):
    vertices, joints = placed("centre")
    wrong = answer(vertices, joints, PLAIN, confidence=0.0)
    wrong = dataclasses.replace(wrong, translation=np.array([0, 0, -1.0]))
    assert predictor_of(tmp_path, [wrong]).predict(IMAGE, PLAIN) == []


def test_without_a_camera_one_is_assumed(tmp_path):
    vertices, joints = placed("centre")
    assumed = Camera.from_fov(640, 480)
    (hand,) = predictor_of(tmp_path, [answer(vertices, joints, assumed)]).predict(IMAGE)
    np.testing.assert_allclose(hand.joints_3d, joints, atol=1e-4)


# --- selection


def test_hands_are_sorted_and_weak_ones_dropped(tmp_path):
    answers = [answer(*placed(p), PLAIN, score=s) for p, s in (("centre", 0.5), ("corner", 0.95), ("far", 0.29))]
    predictor = predictor_of(tmp_path, answers)
    assert [round(hand.score, 2) for hand in predictor.predict(IMAGE, PLAIN)] == [0.95, 0.5]
    predictor = predictor_of(tmp_path, answers, score_threshold=0.1)
    assert [round(hand.score, 2) for hand in predictor.predict(IMAGE, PLAIN)] == [0.95, 0.5, 0.29]


def test_the_same_hand_twice_is_one_hand(tmp_path):
    vertices, joints = placed("centre")
    shifted = 0.006 * np.array([1, 0, 0])
    weaker = answer(vertices + shifted, joints + shifted, PLAIN, score=0.6)
    (hand,) = predictor_of(tmp_path, [weaker, answer(vertices, joints, PLAIN, score=0.8)]).predict(IMAGE, PLAIN)
    assert hand.score == pytest.approx(0.8)


def test_what_looks_like_a_hand_within_a_hand_is_a_part_of_it(tmp_path):
    vertices, joints = placed("centre")
    knuckles, their_joints = (0.3 * (points - joints[9]) + joints[9] for points in (vertices, joints))
    part, hand = answer(knuckles, their_joints, PLAIN, score=0.9), answer(vertices, joints, PLAIN, score=0.6)
    (found,) = predictor_of(tmp_path, [part, hand]).predict(IMAGE, PLAIN)
    assert found.score == pytest.approx(0.6)


def test_two_overlapping_hands_stay_two(tmp_path):
    vertices, joints = placed("centre")
    other, other_joints = posed_hand(0.1, "left", rotation((1, 2, 3), 0.6))
    offset = np.array(PLACES["centre"])
    other_answer = answer(other + offset, other_joints + offset, PLAIN, right=0.0)
    answers = [answer(vertices, joints, PLAIN, score=0.6), other_answer]
    assert [hand.side for hand in predictor_of(tmp_path, answers).predict(IMAGE, PLAIN)] == ["left", "right"]


def test_an_empty_answer_is_no_hand(tmp_path):
    assert predictor_of(tmp_path, []).predict(IMAGE, PLAIN) == []


def test_a_hand_that_is_not_finite_is_left_out(tmp_path):
    good = answer(*placed("centre"), PLAIN)
    bad = answer(*placed("corner"), PLAIN)
    bad.vertices[5, 1] = np.nan
    hands = predictor_of(tmp_path, [bad, good]).predict(IMAGE, PLAIN)
    assert len(hands) == 1
    np.testing.assert_allclose(hands[0].joints_2d, good.joints_2d, atol=1e-3)


def test_a_graph_of_the_whole_image_sees_it_once_whatever_the_search(tmp_path):
    predictor = predictor_of(tmp_path, [answer(*placed("centre"), PLAIN)], search="thorough")
    run, seen = predictor.network._session.run, []
    predictor.network._session.run = lambda image: seen.append(image.shape) or run(image)
    assert len(predictor.predict(IMAGE, PLAIN)) == 1
    assert seen == [(480, 640, 3)]


# --- wrong input


@pytest.mark.parametrize(
    "image, says",
    [
        (np.zeros((480, 640), np.uint8), r"uint8 \(480, 640\), must be"),
        (np.zeros((480, 640, 4), np.uint8), r"\(480, 640, 4\), must be"),
        (np.zeros((480, 640, 3), np.float32), "float32"),
        (np.zeros((0, 640, 3), np.uint8), "empty"),
        ([[0, 0, 0]], "image is list, must be"),
    ],
)
def test_wrong_images_are_refused(tmp_path, image, says):
    with pytest.raises(ValueError, match=says):
        predictor_of(tmp_path, []).predict(image)


def test_a_camera_of_another_size_is_refused(tmp_path):
    with pytest.raises(ValueError, match="the camera has 640x480 px, the image has 640x240"):
        predictor_of(tmp_path, []).predict(IMAGE[:240], PLAIN)


@pytest.mark.parametrize(
    "options, says",
    [
        ({"device": "gpu"}, "'gpu', must be one of auto, cpu, cuda, tensorrt"),
        ({"size": 8}, "size is 8, must be"),
        ({"size": "big"}, "size is big"),
        ({"score_threshold": 1.5}, "between 0 and 1"),
        ({"score_threshold": float("nan")}, "between 0 and 1"),
        ({"hand_scale": 0.0}, "between 0.2 and 5"),
        ({"threads": 0}, "threads is 0"),
        ({"threads": 1.5}, "threads is 1.5, must be a whole number from 1 to 256"),
        ({"threads": "two"}, "threads is two, must be a whole number"),
    ],
)
def test_wrong_options_are_refused(tmp_path, options, says):
    with pytest.raises(ValueError, match=says):
        predictor_of(tmp_path, [], **options)


def test_cuda_without_cuda_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(session.ort, "get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(ValueError, match="no CUDA: pip uninstall onnxruntime onnxruntime-gpu; "):
        predictor_of(tmp_path, [], device="cuda")
    assert predictor_of(tmp_path, [], device="auto").provider == "CPUExecutionProvider"


def test_wrong_weights_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="no weights file"):
        HandPredictor(tmp_path / "none.onnx")
    (tmp_path / "text.onnx").write_text("not a network")
    with pytest.raises(ValueError, match="damaged or not an ONNX file"):
        HandPredictor(tmp_path / "text.onnx")
    cut = write_network(tmp_path / "cut.onnx", [], 640)
    cut.write_bytes(cut.read_bytes()[:-300])
    with pytest.raises(ValueError, match="damaged or not"):
        HandPredictor(cut)
    bare = write_network(tmp_path / "bare.onnx", [], 640, {"name": "fake", "version": "1"})
    with pytest.raises(ValueError, match="lacks score_threshold, size, template in its"):
        HandPredictor(bare)


def test_weights_for_mano_need_the_users_file_and_others_none(tmp_path):
    for_mano = write_network(tmp_path / "mano.onnx", [], 640, {**METADATA, "template": "mano"})
    with pytest.raises(ValueError, match="trained on the hand template mano, not on webxr.*give the file of that one"):
        HandPredictor(for_mano)
    mano = dataclasses.replace(load_template(), name="mano")
    assert HandPredictor(for_mano, template=mano).template is mano
    with pytest.raises(ValueError, match="not on mano: give none as template"):
        HandPredictor(write_network(tmp_path / "own.onnx", [], 640), template=mano)
    with pytest.raises(FileNotFoundError, match="there is no hand template"):
        HandPredictor(for_mano, template=tmp_path / "MANO_RIGHT.pkl")


def test_another_network_is_refused(tmp_path):
    import onnx

    model = onnx.load(str(write_network(tmp_path / "fake.onnx", [], 640)))
    del model.graph.output[-2:]
    onnx.save(model, str(tmp_path / "other.onnx"))
    with pytest.raises(ValueError, match="not a hand network: it lacks the outputs right, translation"):
        HandPredictor(tmp_path / "other.onnx")
