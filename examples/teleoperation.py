"""Drives a robot hand by dex-retargeting: hands in, JointState of the robot's joints out.

    python examples/teleoperation.py CONFIG.yml URDF_FOLDER --ros-args -p side:=right -r joint_commands:=/hand/commands

CONFIG.yml: a vector retargeting of dex-retargeting (configs/teleop), URDF_FOLDER: assets/robots/hands of dex-urdf.
"""

import sys

import rclpy
from dex_retargeting.retargeting_config import RetargetingConfig
from rclpy.node import Node
from rclpy.utilities import remove_ros_args
from sensor_msgs.msg import JointState

from handos_model.kinematics import retargeting_joints
from handos_ros.conversions import hands_from
from handos_ros.msg import HandArray


class Teleoperation(Node):
    def __init__(self, config: str, urdf_folder: str) -> None:
        super().__init__("teleoperation")
        RetargetingConfig.set_default_urdf_dir(urdf_folder)
        self.retargeting = RetargetingConfig.load_from_file(config).build()
        self.side = self.declare_parameter("side", "right").value
        self.followed = -1  # id of the operator's hand
        self.publisher = self.create_publisher(JointState, "joint_commands", 10)
        self.create_subscription(HandArray, "hands", self.on_hands, 1)

    def on_hands(self, message: HandArray) -> None:
        hands = [hand for hand in hands_from(message) if hand.side == self.side]
        if not hands:
            return
        hand = next((hand for hand in hands if hand.id == self.followed), hands[0])
        self.followed = hand.id
        points = retargeting_joints(hand.joints_3d, hand.side)  # (21, 3) m, in the frame that dex-retargeting expects
        origins, targets = self.retargeting.optimizer.target_link_human_indices
        command = JointState(header=message.header, name=self.retargeting.joint_names)
        command.position = self.retargeting.retarget(points[targets] - points[origins]).tolist()
        self.publisher.publish(command)


rclpy.init()
try:
    rclpy.spin(Teleoperation(*remove_ros_args(sys.argv)[1:]))
except (KeyboardInterrupt, rclpy.executors.ExternalShutdownException):
    pass
