"""Synthetic hands: labels against the picture, determinism, limits, pools."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from small_disk import small_disk

from handos_model.synthetic.contact_sheet import contact_sheet
from handos_model.synthetic.hand_render import render_hands
from handos_model.synthetic.pool_writer import write_pool
from handos_model.synthetic.render_options import RenderOptions
from handos_model.synthetic.rendering.background import background, list_photos
from handos_model.synthetic.rendering.compose import project
from handos_model.template.hand_template import signed_volume
from handos_model.template.load import load_template

PHOTOS = Path(__file__).parents[3] / "shared" / "data" / "train" / "backgrounds"
ONE = RenderOptions(width=160, height=128, hand_size=(0.3, 0.7), hands=(0.0, 1.0, 0.0))
TWO = replace(ONE, hands=(0.0, 0.0, 1.0))


def frames(options, count, seed=0):
    return [render_hands(np.random.default_rng([seed, i]), options) for i in range(count)]


@pytest.fixture(scope="module")
def pictures():
    return frames(ONE, 24) + frames(TWO, 12)


def test_same_seed_same_frame_other_seed_other_frame():
    first, second, other = frames(TWO, 1)[0], frames(TWO, 1)[0], frames(TWO, 1, seed=1)[0]
    for name in ("image", "K", "joints_2d", "joints_3d", "vertices", "side", "mask"):
        assert np.array_equal(getattr(first, name), getattr(second, name)), name
    assert not np.array_equal(first.image, other.image)


def test_shapes_and_types(pictures):
    for frame in pictures:
        n = len(frame.side)
        assert frame.image.shape == (128, 160, 3) and frame.image.dtype == np.uint8
        assert frame.joints_2d.shape == (n, 21, 3) and frame.joints_2d.dtype == np.float32
        assert frame.joints_3d.shape == (n, 21, 3) and frame.vertices.shape == (n, 778, 3)
        assert set(np.unique(frame.joints_2d[..., 2])) <= {1.0, 2.0}
        assert frame.mask.max(initial=-1) < n


def test_joints_are_the_projected_regressed_vertices(pictures):
    regressor = load_template().joint_regressor.astype(np.float64)
    for frame in pictures:
        for joints_2d, joints_3d, vertices in zip(frame.joints_2d, frame.joints_3d, frame.vertices, strict=True):
            assert np.abs(regressor @ vertices - joints_3d).max() < 1e-5
            assert np.abs(project(joints_3d.astype(float), frame.K) - joints_2d[:, :2]).max() < 0.01


def test_vertices_project_into_the_mask(pictures):
    inside, near = 0, 0
    for frame in pictures:
        for index, vertices in enumerate(frame.vertices):
            grown = cv2.dilate((frame.mask == index).astype(np.uint8), np.ones((3, 3), np.uint8))
            x, y = np.rint(project(vertices.astype(float), frame.K)).astype(int).T
            shown = (x >= 0) & (y >= 0) & (x < 160) & (y < 128)
            taken = np.isin(frame.mask, [-1, index]).astype(np.uint8)  # not hidden by the other hand
            free = cv2.erode(taken, np.ones((3, 3), np.uint8))[y[shown], x[shown]] > 0
            inside += (grown[y[shown], x[shown]][free] > 0).sum()
            near += free.sum()
    assert inside / near > 0.85  # the rest lies behind objects


def test_visible_joints_lie_on_their_hand(pictures):
    for frame in pictures:
        for index, joints in enumerate(frame.joints_2d):
            seen = joints[joints[:, 2] == 2]
            assert ((seen[:, :2] > -1) & (seen[:, :2] < [160, 128])).all()
            grown = cv2.dilate((frame.mask >= 0).astype(np.uint8), np.ones((5, 5), np.uint8))
            x, y = np.clip(np.rint(seen[:, :2]).astype(int), 0, [159, 127]).T
            assert len(x) == 0 or grown[y, x].mean() > 0.5, index


def test_side_is_the_sign_of_the_volume_and_both_occur(pictures):
    faces = load_template().faces
    sides = np.concatenate([frame.side for frame in pictures])
    volumes = np.concatenate([signed_volume(frame.vertices.astype(float), faces) for frame in pictures])
    assert ((volumes > 0) == (sides == 1)).all()
    assert 0.2 < sides.mean() < 0.8


def test_hand_size_is_respected(pictures):
    extents = [np.ptp(j[:, :2], axis=0).max() / 160 for frame in pictures for j in frame.joints_2d]
    assert min(extents) > 0.3 * 0.98 and max(extents) < 0.7 * 1.02


def test_hand_is_of_human_size(pictures):
    for frame in pictures:
        for joints in frame.joints_3d:
            assert 0.06 < np.linalg.norm(joints[9] - joints[0]) < 0.13


def test_frame_without_hands_has_empty_labels():
    for frame in frames(replace(ONE, hands=(1.0, 0.0, 0.0)), 12):
        assert frame.joints_2d.shape == (0, 21, 3) and frame.joints_3d.shape == (0, 21, 3)
        assert frame.vertices.shape == (0, 778, 3) and frame.side.shape == (0,)
        assert (frame.mask == -1).all() and frame.K.shape == (3, 3)


@pytest.mark.parametrize(
    "wrong",
    [
        {"width": 8},
        {"height": 10000},
        {"hand_size": (0.6, 0.3)},
        {"hand_size": (0.0, 0.5)},
        {"hands": (0.5, 0.5, 0.5)},
        {"hands": (1.5, -0.5, 0.0)},
    ],
)
def test_wrong_options_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong)) + "|px"):
        RenderOptions(**wrong)


def test_missing_or_empty_backgrounds_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist"):
        render_hands(np.random.default_rng(0), replace(ONE, backgrounds=tmp_path / "none"))
    with pytest.raises(FileNotFoundError, match="contains no photos"):
        render_hands(np.random.default_rng(0), replace(ONE, backgrounds=tmp_path))


def test_excluded_backgrounds_do_not_appear(tmp_path):
    folder = tmp_path / "backgrounds" / "kitchen"
    folder.mkdir(parents=True)
    for name, value in (("dark.png", 0), ("light.png", 255)):
        cv2.imwrite(str(folder / name), np.full((40, 60, 3), value, np.uint8))
    excluded = frozenset({"backgrounds/kitchen/dark.png"})
    assert [Path(p).name for p in list_photos(str(folder.parent), excluded)] == ["light.png"]
    assert background(np.random.default_rng(0), 32, 32, folder.parent, excluded).min() == 255
    with pytest.raises(FileNotFoundError, match="all 2 photos of the backgrounds folder .* are kept for evaluation"):
        list_photos(str(folder.parent), excluded | {"kitchen/light.png"})


def test_photos_as_backgrounds():
    if not PHOTOS.is_dir():
        pytest.skip(f"no photos at {PHOTOS}")
    frame = frames(replace(ONE, backgrounds=PHOTOS, hands=(1.0, 0.0, 0.0)), 1)[0]
    assert frame.image.std() > 5


def test_pool_is_the_same_with_one_and_two_workers_and_goes_on(tmp_path):
    options = replace(ONE, hands=(0.2, 0.5, 0.3))
    write_pool(tmp_path / "one", 60, 64, 5, options, workers=1)
    write_pool(tmp_path / "two", 60, 64, 5, options, workers=2)
    images = [np.load(tmp_path / name / "images.npy") for name in ("one", "two")]
    assert images[0].shape == (60, 64, 64, 3) and np.array_equal(*images)
    with np.load(tmp_path / "one" / "labels.npz") as one, np.load(tmp_path / "two" / "labels.npz") as two:
        assert set(one.files) == {"count", "K", "joints_2d", "vertices", "joints_3d", "side"}
        for name in one.files:
            assert np.array_equal(one[name], two[name]), name
        frame = render_hands(np.random.default_rng([5, 7]), replace(options, width=64, height=64))
        n = len(frame.side)
        assert one["count"][7] == n and np.array_equal(one["vertices"][7, :n], frame.vertices)
        assert np.array_equal(images[0][7], frame.image) and (one["side"][7, n:] == -1).all()
    before = (tmp_path / "one" / "labels.npz").stat().st_mtime_ns
    write_pool(tmp_path / "one", 60, 64, 5, options, workers=1)
    assert (tmp_path / "one" / "labels.npz").stat().st_mtime_ns == before
    with pytest.raises(ValueError, match="other settings"):
        write_pool(tmp_path / "one", 60, 64, 6, options, workers=1)


def test_interrupted_pool_resumes(tmp_path, monkeypatch):
    import handos_model.synthetic.pool_writer as pool

    real, made = pool.render_hands, []

    def failing(rng, options):
        if len(made) == 5:
            raise KeyboardInterrupt
        made.append(1)
        return real(rng, options)

    monkeypatch.setattr(pool, "render_hands", failing)
    with pytest.raises(KeyboardInterrupt):
        write_pool(tmp_path / "cut", 8, 64, 2, ONE)
    assert not (tmp_path / "cut" / "labels.npz").exists()
    monkeypatch.setattr(pool, "render_hands", lambda rng, options: (made.append(1), real(rng, options))[1])
    write_pool(tmp_path / "cut", 8, 64, 2, ONE)
    write_pool(tmp_path / "whole", 8, 64, 2, ONE)
    assert len(made) == 8 + 8
    assert np.array_equal(np.load(tmp_path / "cut" / "images.npy"), np.load(tmp_path / "whole" / "images.npy"))


def test_pool_refuses_empty_orders(tmp_path):
    with pytest.raises(ValueError, match="at least one"):
        write_pool(tmp_path, 0, 64, 0, ONE)


def test_contact_sheet(tmp_path):
    contact_sheet(tmp_path / "sheet.png", 3, 2, 0, replace(ONE, width=96, height=64))
    assert cv2.imread(str(tmp_path / "sheet.png")).shape == (128, 288, 3)
    with pytest.raises(ValueError, match="at least one column"):
        contact_sheet(tmp_path / "sheet.png", 0, 2, 0, ONE)
    before = (tmp_path / "sheet.png").read_bytes()
    with small_disk(1000), pytest.raises(OSError, match="cannot write .*sheet.png: File too large"):
        contact_sheet(tmp_path / "sheet.png", 1, 1, 0, ONE)
    assert (tmp_path / "sheet.png").read_bytes() == before and len(list(tmp_path.iterdir())) == 1
