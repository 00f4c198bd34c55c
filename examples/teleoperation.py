"""Drives a robot hand by dex-retargeting: hands in, JointState of the robot's joints out.

    python examples/teleoperation.py CONFIG.yml URDF_FOLDER --ros-args -p side:=right -r joint_commands:=/hand/commands

CONFIG.yml: a vector retargeting of dex-retargeting (configs/teleop), URDF_FOLDER: robots/hands of dex-urdf. The first
command is where the hand is, however far the robot is from there: hold the hand as the robot's is.
"""

import argparse
import math
import sys

import numpy as np
import rclpy
from dex_retargeting.retargeting_config import RetargetingConfig
from rclpy.node import Node
from rclpy.utilities import remove_ros_args
from sensor_msgs.msg import JointState

from handos_model.hand import KNOWN_SIDES
from handos_model.kinematics import retargeting_joints
from handos_ros.conversions import hands_from
from handos_ros.msg import HandArray

LOST = 1.0  # s without the operator's hand after which the robot follows another one
SPEED, STEP = 3.0, 0.1  # rad/s, and s between commands at most: no jump to another hand or one that returns


class Teleoperation(Node):
    def __init__(self, config: str, urdf_folder: str) -> None:
        super().__init__("teleoperation")
        RetargetingConfig.set_default_urdf_dir(urdf_folder)
        self.retargeting = RetargetingConfig.load_from_file(config).build()
        self.side = self.declare_parameter("side", "right").value
        if self.side not in KNOWN_SIDES:
            raise ValueError(f"side is {self.side!r}, must be one of {', '.join(KNOWN_SIDES)}")
        self.followed, self.seen = -1, -math.inf  # id of the operator's hand, and the stamp when it was last seen
        self.position: np.ndarray | None = None
        self.publisher = self.create_publisher(JointState, "joint_commands", 10)
        self.create_subscription(HandArray, "hands", self.on_hands, 1)

    def on_hands(self, message: HandArray) -> None:
        hands = [hand for hand in hands_from(message) if hand.side == self.side]
        hand = min(hands, key=lambda hand: hand.id != self.followed, default=None)  # the operator's, or the best
        now = message.header.stamp.sec + message.header.stamp.nanosec * 1e-9
        gone = abs(now - self.seen)  # a clock that was set back has lost the hand too
        if hand is None or (hand.id != self.followed and gone < LOST):
            return  # no command: the robot stays as it is
        self.followed, self.seen = hand.id, now
        points = retargeting_joints(hand.joints_3d, hand.side)  # (21, 3) m, in the frame that dex-retargeting expects
        origins, targets = self.retargeting.optimizer.target_link_human_indices
        wanted = self.retargeting.retarget(points[targets] - points[origins])
        most = SPEED * min(gone, STEP)
        self.position = wanted if self.position is None else np.clip(wanted, self.position - most, self.position + most)
        names = self.retargeting.joint_names
        self.publisher.publish(JointState(header=message.header, name=names, position=self.position.tolist()))


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("config", metavar="CONFIG.yml")
parser.add_argument("urdf_folder", metavar="URDF_FOLDER")
arguments = parser.parse_args(remove_ros_args(sys.argv)[1:])
rclpy.init()
try:
    node = Teleoperation(arguments.config, arguments.urdf_folder)
except (OSError, ValueError) as error:
    parser.exit(2, f"{parser.prog}: {error}\n")
try:
    rclpy.spin(node)
except (KeyboardInterrupt, rclpy.executors.ExternalShutdownException):
    pass
