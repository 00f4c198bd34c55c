"""Publishers of poses, grasps and joint angles of each side, which are computed only while somebody subscribes."""

from __future__ import annotations

from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_msgs.msg import Header

from handos_model.hand import KNOWN_SIDES, Hand
from handos_model.kinematics.skeleton import HandSkeleton
from handos_ros.conversions.sides import grasp_message, joint_state, openxr_poses
from handos_ros.msg import Grasp, NamedPoseArray


class SideOutputs:
    """Holds hands/left/poses, hands/left/grasp, those of the right hand, and hands/joint_states."""

    def __init__(self, node: Node, skeleton: HandSkeleton) -> None:
        """skeleton: that of the hands' template."""
        self._skeleton = skeleton
        self._joint_states = node.create_publisher(JointState, "hands/joint_states", 5)
        self._poses = {side: node.create_publisher(NamedPoseArray, f"hands/{side}/poses", 5) for side in KNOWN_SIDES}
        self._grasps = {side: node.create_publisher(Grasp, f"hands/{side}/grasp", 5) for side in KNOWN_SIDES}

    def publish(self, hands: list[Hand], header: Header) -> bool:
        """Publishes to those who subscribe, what takes longest last; returns False if nobody does.

        hands: for each side, the hand that has the TF frame of that side, if any.
        """
        shown = {hand.side: hand for hand in hands}
        publishers = (*self._poses.values(), *self._grasps.values(), self._joint_states)
        wanted = {publisher for publisher in publishers if publisher.get_subscription_count()}
        for side, publisher in self._poses.items():
            if publisher in wanted:
                publisher.publish(openxr_poses(shown.get(side), header, self._skeleton))
        for side, publisher in self._grasps.items():
            if side in shown and publisher in wanted:
                if (message := grasp_message(shown[side], header)) is not None:
                    publisher.publish(message)
        if hands and self._joint_states in wanted:
            self._joint_states.publish(joint_state(hands, header, self._skeleton))
        return bool(wanted)
