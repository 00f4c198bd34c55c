import tracemalloc
from dataclasses import replace

import cv2
import numpy as np
import pytest
from posed_hand import posed_hand, rotation

from handos_model.camera import Camera
from handos_model.drawing.hand_drawing import MESH_COLOURS, draw_hands
from handos_model.drawing.mesh_shading import draw_mesh, vertex_normals
from handos_model.hand import Hand, joints_box
from handos_model.template.load import load_template

CAMERA = Camera.from_intrinsics(500, 500, 319.5, 239.5, 640, 480)
GREY = np.full((480, 640, 3), 128, np.uint8)


def made(side="right", place=(0.0, 0.05, 0.5), turn=None, confidence=0.9, camera=CAMERA) -> Hand:
    vertices, joints = posed_hand(0.3, side, turn)
    vertices, joints = vertices + place, joints + place
    joints_2d = camera.project(joints)
    return Hand(
        0.9, side, 1.0, joints_box(joints_2d), joints_2d, np.full(21, confidence), joints, vertices, np.array(place)
    )


def sphere(centre, radius):
    """Vertices and faces of a sphere, normals outward."""
    rings, turns = 40, 80
    a, b = np.meshgrid(np.linspace(0, np.pi, rings), np.arange(turns) / turns * 2 * np.pi, indexing="ij")
    unit = np.stack([np.sin(a) * np.cos(b), np.sin(a) * np.sin(b), np.cos(a)], axis=-1)
    i, j = np.meshgrid(np.arange(rings - 1), np.arange(turns), indexing="ij")
    p, q, r, s = (x.ravel() for x in (i * turns + j, i * turns + (j + 1) % turns, (i + 1) * turns + j,
                                      (i + 1) * turns + (j + 1) % turns))  # fmt: skip
    faces = np.concatenate([np.stack([p, r, q], axis=1), np.stack([q, r, s], axis=1)])
    return unit.reshape(-1, 3) * radius + centre, faces


@pytest.mark.parametrize("radius", [0.05, 0.4], ids=["supersampled", "large"])
def test_a_sphere_is_a_smoothly_lit_disc(radius):
    image = np.zeros((480, 640, 3), np.uint8)
    vertices, faces = sphere([0, 0, 1.0], radius)
    draw_mesh(image, vertices, faces, CAMERA, (200, 200, 200), alpha=1.0)
    apparent = 500 * radius / np.sqrt(1 - radius**2)  # the outline's tangent cone
    covered = (image > 20).any(axis=-1)
    expected = np.hypot(*(np.mgrid[0:480, 0:640] - np.array([239.5, 319.5])[:, None, None])) < apparent
    assert (covered ^ expected).sum() < 0.03 * expected.sum()
    half = int(apparent / 2)
    lit, dark = image[240 - half, 320 - half // 2, 0], image[240 + half, 320 + half // 2, 0]
    assert lit > dark + 40  # light falls from above and left
    line = image[240, 320 - half : 320 + half, 0].astype(int)
    assert np.abs(np.diff(line)).max() < 12  # no facets


def test_faces_may_point_inward():
    out, inn = GREY.copy(), GREY.copy()
    vertices, faces = sphere([0.1, 0, 1.0], 0.1)
    draw_mesh(out, vertices, faces, CAMERA, (200, 100, 50))
    draw_mesh(inn, vertices, faces[:, ::-1], CAMERA, (200, 100, 50), outward=False)
    np.testing.assert_array_equal(out, inn)


def test_vertex_normals_of_a_sphere_are_radial():
    vertices, faces = sphere([0, 0, 0], 1.0)
    inside = np.abs(vertices[:, 2]) < 0.99  # the poles are many vertices on one point
    np.testing.assert_allclose(vertex_normals(vertices, faces)[inside], vertices[inside], atol=2e-2)


def test_the_image_is_left_alone_and_no_hands_change_nothing():
    image = GREY.copy()
    drawn = draw_hands(image, [made()], CAMERA)
    np.testing.assert_array_equal(image, GREY)
    assert (drawn != GREY).any()
    empty = draw_hands(image, [], CAMERA)
    np.testing.assert_array_equal(empty, GREY)
    assert empty is not image


def test_mesh_covers_the_hand_and_nothing_else():
    hand = made()
    drawn = draw_hands(GREY, [hand], CAMERA, skeleton=False, label=False)
    changed = (drawn != GREY).any(axis=-1)
    pixels = CAMERA.project(hand.vertices)
    centroids = CAMERA.project(hand.vertices[load_template().faces].mean(axis=1)).round().astype(int)
    assert changed[centroids[:, 1], centroids[:, 0]].mean() > 0.97
    rows, columns = np.nonzero(changed)
    extent = [columns.min(), rows.min(), columns.max(), rows.max()]
    np.testing.assert_allclose(extent, [*pixels.min(axis=0), *pixels.max(axis=0)], atol=2)


@pytest.mark.parametrize("side", ["left", "right"])
def test_sides_have_their_colours(side):
    drawn = draw_hands(GREY, [made(side)], CAMERA, skeleton=False, label=False)
    tint = drawn[(drawn != GREY).any(axis=-1)].mean(axis=0)
    expected = np.array(MESH_COLOURS[side])
    assert np.argsort(tint).tolist() == np.argsort(expected).tolist()


def test_near_hands_hide_far_ones():
    near, far = made("left", (0.0, 0.05, 0.4)), made("right", (0.0, 0.1, 0.8))
    both = draw_hands(GREY, [near, far], CAMERA, skeleton=False, label=False)
    swapped = draw_hands(GREY, [far, near], CAMERA, skeleton=False, label=False)
    np.testing.assert_array_equal(both, swapped)
    palm = CAMERA.project(near.joints_3d[[0, 5, 17]].mean(axis=0)).round().astype(int)
    assert both[palm[1], palm[0], 2] > both[palm[1], palm[0], 0]


def test_unsure_joints_are_hollow():
    hand = made(turn=rotation((0, 0, 1), 0.0))
    tip = np.round(hand.joints_2d[8]).astype(int)
    sure = draw_hands(GREY, [hand], CAMERA, mesh=False, label=False)
    unsure = draw_hands(GREY, [made(confidence=0.1)], CAMERA, mesh=False, label=False)
    assert sure[tip[1], tip[0]].min() > 200
    assert unsure[tip[1], tip[0]].max() < 100


def test_skeleton_touches_only_its_pixels():
    drawn = draw_hands(GREY, [made()], CAMERA, mesh=False, label=False)
    changed = (drawn != GREY).any(axis=-1)
    joints = made().joints_2d
    near = np.zeros_like(changed)
    for fraction in np.linspace(0, 1, 60):
        for parent, child in [(0, 1), (0, 5), (0, 9), (0, 13), (0, 17), *((i, i + 1) for i in range(1, 20) if i % 4)]:
            x, y = joints[parent] + fraction * (joints[child] - joints[parent])
            near[int(y) - 7 : int(y) + 9, int(x) - 7 : int(x) + 9] = True
    assert changed.any()
    assert not (changed & ~near).any()


@pytest.mark.parametrize(
    "place", [(0.3, 0.2, 0.5), (5.0, 0.0, 0.5), (0.0, 0.05, 0.08)], ids=["cut", "outside", "at the lens"]
)
@pytest.mark.parametrize("shape", [(480, 640), (24, 32), (1, 1)], ids=str)
def test_hands_at_and_beyond_the_edge(place, shape):
    image = np.zeros((*shape, 3), np.uint8)
    drawn = draw_hands(image, [made(place=place)], Camera.from_fov(shape[1], shape[0]))
    assert drawn.shape == image.shape


def test_a_hand_that_fills_a_large_image():
    small, large = (
        Camera.from_intrinsics(500 * n, 500 * n, 320 * n - 0.5, 180 * n - 0.5, 640 * n, 360 * n) for n in (1, 6)
    )
    black = np.zeros((2160, 3840, 3), np.uint8)
    hand = made(place=(0.0, 0.05, 0.2), camera=large)
    tracemalloc.start()
    try:
        draw_hands(black, [hand], large)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 7 * black.nbytes
    drawn = draw_hands(black, [hand], large, skeleton=False, label=False)
    expected = draw_hands(black[:360, :640], [hand], small, skeleton=False, label=False)
    difference = cv2.resize(drawn, (640, 360), interpolation=cv2.INTER_AREA).astype(int) - expected
    assert np.abs(difference).mean() < 0.3 and expected.any(axis=-1).mean() > 0.3


def test_a_mesh_that_reaches_behind_the_camera_is_left_out():
    image = GREY.copy()
    hand = made(place=(0.0, 0.0, 0.01))
    draw_mesh(image, hand.vertices, load_template().faces, CAMERA, (200, 100, 50))
    np.testing.assert_array_equal(image, GREY)


def test_labels_do_not_cover_each_other():
    hand = made()
    one = draw_hands(GREY, [hand], CAMERA, mesh=False, skeleton=False)
    two = draw_hands(GREY, [hand, hand], CAMERA, mesh=False, skeleton=False)
    area = (one != GREY).any(axis=-1).sum()
    assert (two != GREY).any(axis=-1).sum() == pytest.approx(2 * area, rel=0.05)
    assert (draw_hands(GREY, [hand], CAMERA, mesh=False, skeleton=False, label=False) == GREY).all()


@pytest.mark.parametrize("scale", [0.1, 0.2, 1, 4.5])
def test_labels_are_whole_and_grow_with_the_image(scale):
    """From 64x48 px, where words are left out, to 4K, where letters would be hair-thin."""
    width, height = round(640 * scale), round(480 * scale)
    camera = Camera.from_intrinsics(500 * scale, 500 * scale, width / 2, height / 2, width, height)
    grey = np.full((height, width, 3), 128, np.uint8)
    drawn = draw_hands(grey, [made(camera=camera)], camera, mesh=False, skeleton=False)
    rows, columns = np.nonzero((drawn != 128).any(axis=2))
    assert len(rows)
    tall, wide = np.ptp(rows) + 1, np.ptp(columns) + 1
    assert tall == pytest.approx(max(14, 0.045 * height), abs=1)
    assert wide > 1.5 * tall
    inked = drawn[..., 0] > 200  # letters: the pill itself is darker
    assert inked[:, 0].sum() == inked[:, -1].sum() == 0
    assert columns.min() > 0 or columns.max() < width - 1 or wide == width


def test_bones_grow_with_the_image():
    def share(scale):
        camera = Camera.from_intrinsics(500 * scale, 500 * scale, 320 * scale, 240 * scale, 640 * scale, 480 * scale)
        grey = np.full((480 * scale, 640 * scale, 3), 128, np.uint8)
        drawn = draw_hands(grey, [made(camera=camera)], camera, mesh=False, label=False)
        return (drawn != 128).any(axis=2).mean()

    assert share(5) > 0.75 * share(1)


@pytest.mark.parametrize(
    "image, camera, says",
    [
        (GREY.astype(np.float32) / 255, None, "image is float32"),
        (GREY[..., 0], None, "must be a NumPy array"),
        (np.dstack([GREY, GREY[..., :1]]), None, r"\(480, 640, 4\), must be"),
        (GREY[:0], None, "image is empty"),
        (GREY.tolist(), None, "image is list"),
        (GREY[:240], CAMERA, "the camera has 640x480 px, the image has 640x240"),
    ],
)
def test_what_cannot_be_drawn_on_is_refused_as_it_is_by_the_predictor(image, camera, says):
    for hands in ([], [made()]):
        with pytest.raises(ValueError, match=says):
            draw_hands(image, hands, camera)


def test_a_hand_without_pixels_is_refused():
    hand = made()
    with pytest.raises(ValueError, match="joints_2d of a hand is NaN or infinite, must be px: fused hands"):
        draw_hands(GREY, [hand, replace(hand, joints_2d=hand.joints_2d * np.float32(np.nan))], CAMERA)


def test_a_hand_without_vertices_has_no_mesh():
    whole = made()
    bare = Hand.from_dict(whole.to_dict())
    drawn = draw_hands(GREY, [bare], CAMERA)
    np.testing.assert_array_equal(drawn, draw_hands(GREY, [bare], CAMERA, mesh=False))
    assert (drawn != GREY).any()
    both = draw_hands(GREY, [bare, made(place=(-0.15, 0.05, 0.5))], CAMERA, skeleton=False, label=False)
    alone = draw_hands(GREY, [made(place=(-0.15, 0.05, 0.5))], CAMERA, skeleton=False, label=False)
    np.testing.assert_array_equal(both, alone)


def test_the_image_stays_as_it_is():
    image = GREY.copy()
    image.flags.writeable = False
    assert (draw_hands(image[:, ::-1], [made()], CAMERA) != GREY).any()
    np.testing.assert_array_equal(image, GREY)
