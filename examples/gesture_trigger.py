"""Publishes on `pinched` when thumb and index finger of the right hand touch and part, to drive a gripper or recorder.

A hand that is no longer seen counts as open.
"""

import rclpy
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_msgs.msg import Bool

from handos_ros.msg import Grasp

CLOSED, OPEN = 0.025, 0.045  # m between the fingertips: two thresholds, so that nothing flickers between them
CONFIDENT = 0.3
LOST = 0.5  # s without a confident grasp after which the hand counts as gone: no grasps come while no image shows it


class GestureTrigger(Node):
    def __init__(self) -> None:
        super().__init__("gesture_trigger")
        self.pinched = False
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)  # also for who joins later
        self.publisher = self.create_publisher(Bool, "pinched", latched)
        self.create_subscription(Grasp, "hands/right/grasp", self.on_grasp, 10)
        self.lost = self.create_timer(LOST, lambda: self.say(False))

    def on_grasp(self, grasp: Grasp) -> None:
        if grasp.confidence >= CONFIDENT:
            self.lost.reset()
            self.say(grasp.aperture < (OPEN if self.pinched else CLOSED))

    def say(self, pinched: bool) -> None:
        if pinched != self.pinched:
            self.pinched = pinched
            self.publisher.publish(Bool(data=pinched))


rclpy.init()
try:
    rclpy.spin(GestureTrigger())
except (KeyboardInterrupt, rclpy.executors.ExternalShutdownException):
    pass
