"""MANO parameters to hands: shape, pose and translation to 778 vertices and 21 joints (Romero et al., SIGGRAPH Asia
2017, section 4; the user's own MANO file, licence per user)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from handos_model.template.hand_template import signed_volume
from handos_model.template.mano import JOINT_ORDER, SHAPES, TIP_VERTICES, close_wrist, read_fields

FILES = {"right": "MANO_RIGHT.pkl", "left": "MANO_LEFT.pkl"}
LAYER_SHAPES = {
    **SHAPES,
    "shapedirs": (778, 3, 10),
    "posedirs": (778, 3, 135),
    "hands_mean": (45,),
    "hands_components": (45, 45),
}


def mano_files(folder: Path | None) -> list[Path]:
    """MANO's two files in its folder; none without a folder."""
    return [] if folder is None else [folder / name for name in FILES.values()]


@dataclass(frozen=True)
class ManoLayer:
    """One side of MANO in its own frame, metres.

    The arrays are those of the file, unchanged. This includes the left hand's shape space, whose x should be negated
    (vchoutas/smplx issue 48): DexYCB and H2O-3D were annotated with the file as it is (NVlabs/dex-ycb-toolkit issue
    28), and only with it do their parameters give the hands to which they were fitted.

    faces (1552, 3), including those that close the wrist: outward for a right hand, inward for a left one.
    """

    template: np.ndarray  # (778, 3)
    shape_basis: np.ndarray  # (778, 3, 10)
    pose_basis: np.ndarray  # (778, 3, 135)
    regressor: np.ndarray  # (16, 778): MANO's joints, in MANO's order
    weights: np.ndarray  # (778, 16)
    parents: tuple[int, ...]  # of MANO's joints 1 to 15
    mean_pose: np.ndarray  # (45,) axis-angle
    components: np.ndarray  # (45, 45): principal components of the pose, in rows
    faces: np.ndarray

    @classmethod
    def load(cls, folder: Path, side: str) -> ManoLayer:
        """Loads side "right" or "left" from the MANO files in `folder`, which MANO's archive has at mano_v1_2/models.

        Raises FileNotFoundError if the file is missing, ValueError as read_mano does.
        """
        path = Path(folder) / FILES[side]
        if not path.is_file():
            raise FileNotFoundError(f"no {path}: give the folder of {FILES[side]}, from mano.is.tue.mpg.de")
        fields = read_fields(path, LAYER_SHAPES)
        template, faces = fields["v_template"], close_wrist(fields["f"].astype(np.int64))
        if (signed_volume(template, faces) < 0) != (side == "left"):
            faces = faces[:, ::-1]
        return cls(
            template=template,
            shape_basis=fields["shapedirs"],
            pose_basis=fields["posedirs"],
            regressor=fields["J_regressor"],
            weights=fields["weights"],
            parents=tuple(int(parent) for parent in fields["kintree_table"][0, 1:]),
            mean_pose=fields["hands_mean"],
            components=fields["hands_components"],
            faces=np.ascontiguousarray(faces, np.int32),
        )

    def __call__(
        self, pose: np.ndarray, shape: np.ndarray, translation: np.ndarray | float = 0.0
    ) -> tuple[np.ndarray, np.ndarray]:
        """Vertices (..., 778, 3) and joints (..., 21, 3) in the order of JOINT_NAMES, both float64 metres.

        pose (..., 48): axis-angle of the whole hand about its wrist, then of MANO's 15 finger joints, from the flat
        hand (see from_mean and from_components for the other conventions); shape (..., 10); translation (..., 3).
        Raises ValueError for other shapes.
        """
        pose, shape = np.asarray(pose, np.float64), np.asarray(shape, np.float64)
        if pose.shape[-1:] != (48,) or shape.shape[-1:] != (10,):
            raise ValueError(f"pose is {pose.shape} and shape {shape.shape}, expected (..., 48) and (..., 10)")
        rest = self.template + np.einsum("vxs,...s->...vx", self.shape_basis, shape)
        rest_joints = self.regressor @ rest  # (..., 16, 3)
        turns = rotations(pose.reshape(*pose.shape[:-1], 16, 3))
        bend = (turns[..., 1:, :, :] - np.eye(3)).reshape(*pose.shape[:-1], 135)
        rest = rest + np.einsum("vxp,...p->...vx", self.pose_basis, bend)
        turns, joints = self._chain(turns, rest_joints)
        shift = joints - (turns @ rest_joints[..., None])[..., 0]
        blended = np.einsum("vj,...jab->...vab", self.weights, turns)  # (..., 778, 3, 3)
        vertices = (blended @ rest[..., None])[..., 0] + self.weights @ shift
        joints = np.concatenate([joints, vertices[..., TIP_VERTICES, :]], axis=-2)[..., JOINT_ORDER, :]
        move = np.asarray(translation, np.float64)[..., None, :] if np.ndim(translation) else translation
        return vertices + move, joints + move

    def _chain(self, turns: np.ndarray, rest_joints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rotations (..., 16, 3, 3) and positions (..., 16, 3) of the posed joints, in the hand's frame."""
        batch = np.broadcast_shapes(turns.shape[:-3], rest_joints.shape[:-2])
        turns = np.broadcast_to(turns, (*batch, 16, 3, 3)).copy()
        joints = np.broadcast_to(rest_joints, (*batch, 16, 3)).copy()
        for joint, parent in enumerate(self.parents, start=1):
            bone = rest_joints[..., joint, :] - rest_joints[..., parent, :]
            joints[..., joint, :] = joints[..., parent, :] + (turns[..., parent, :, :] @ bone[..., None])[..., 0]
            turns[..., joint, :, :] = turns[..., parent, :, :] @ turns[..., joint, :, :]
        return turns, joints

    def from_mean(self, pose: np.ndarray) -> np.ndarray:
        """Converts a pose (..., 48) relative to the mean hand (flat_hand_mean=False elsewhere) to the flat hand."""
        return np.concatenate([pose[..., :3], self.mean_pose + pose[..., 3:]], axis=-1)

    def from_components(self, pose: np.ndarray) -> np.ndarray:
        """Converts a rotation and 45 coefficients of components, relative to the mean, to a pose from the flat hand."""
        return self.from_mean(np.concatenate([pose[..., :3], pose[..., 3:] @ self.components], axis=-1))

    def joints_of(self, vertices: np.ndarray, tips: tuple[int, ...] = TIP_VERTICES) -> np.ndarray:
        """Joints (..., 21, 3) that the regressor finds in posed vertices (..., 778, 3), in the order of JOINT_NAMES.

        tips: the vertices that are fingertips, thumb to little finger.

        These joints differ by some millimetres from those that pose the hand, which are the ones that data sets label.
        """
        joints = self.regressor @ vertices
        return np.concatenate([joints, vertices[..., tips, :]], axis=-2)[..., JOINT_ORDER, :]


def rotations(vectors: np.ndarray) -> np.ndarray:
    """Rotation matrices (..., 3, 3) of axis-angle vectors (..., 3) rad (Rodrigues)."""
    angle = np.linalg.norm(vectors, axis=-1)[..., None, None]
    x, y, z = np.moveaxis(vectors / np.maximum(angle[..., 0], 1e-12), -1, 0)
    zero = np.zeros_like(x)
    cross = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=-1).reshape(*x.shape, 3, 3)
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
