"""Which joints FreiHAND labels: those of the posed skeleton, by an implementation of its own tool's words."""

import json

import numpy as np
from made_datasets import K, make_freihand
from made_mano import full_fields, made_layer
from scipy.spatial.transform import Rotation

from handos_model.data.registry import open_dataset


def posed_skeleton(pose, shape):
    """The 16 joints of a posed hand as FreiHAND's utils/model.py has them: matrices along the skeleton, from the rest
    joints of the shaped hand, without pose correctives."""
    fields = full_fields()
    rest = fields["J_regressor"] @ (fields["v_template"] + fields["shapedirs"] @ shape)
    turns, parents, frames = Rotation.from_rotvec(pose.reshape(16, 3)).as_matrix(), fields["kintree_table"][0], []
    for joint in range(16):
        local = np.eye(4)
        local[:3, :3] = turns[joint]
        local[:3, 3] = rest[joint] - (rest[parents[joint]] if joint else 0)
        frames.append(frames[parents[joint]] @ local if joint else local)
    return np.array([frame[:3, 3] for frame in frames])


def test_freihands_root_is_a_joint_of_the_posed_skeleton(tmp_path, mano):
    """Its MANO numbers place the middle finger's MCP of the posed skeleton. The joint that the regressor finds in the
    posed mesh lies elsewhere, and would move the whole mesh by that."""
    make_freihand(tmp_path)
    dataset, layer = open_dataset("freihand", tmp_path, "training", mano), made_layer("right")
    for frame in range(2):
        numbers = np.array(json.loads((tmp_path / "training_mano.json").read_text())[frame][0])
        pose = np.append(numbers[:3], full_fields()["hands_mean"] + numbers[3:48])
        place = np.append(numbers[58:60] - K[:2, 2], K[0, 0]) / numbers[60]
        skeleton = posed_skeleton(pose, numbers[48:58])
        mesh = layer(pose, numbers[48:58])[0]
        found = dataset[frame].vertices[0]
        np.testing.assert_allclose(found, mesh + place - skeleton[4], atol=1e-5)  # MANO's joint 4 is that MCP
        beside = np.linalg.norm(layer.joints_of(mesh)[9] - skeleton[4])
        assert 0.0001 < beside < 0.02
        joints = dataset[frame].joints_3d[0] - place
        np.testing.assert_allclose(joints[[0, 5, 9, 13, 17]], (skeleton - skeleton[4])[[0, 1, 4, 10, 7]], atol=1e-5)
