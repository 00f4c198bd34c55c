"""Says on `pinched` when thumb and index finger of the right hand touch and part, for a gripper or a recording."""

import rclpy
from rclpy.node import Node
from std_msgs.msg import Bool

from handos_ros.msg import Grasp

CLOSED, OPEN = 0.025, 0.045  # m between the fingertips: two thresholds, so that nothing flickers between them
CONFIDENT = 0.3


class GestureTrigger(Node):
    def __init__(self) -> None:
        super().__init__("gesture_trigger")
        self.pinched = False
        self.publisher = self.create_publisher(Bool, "pinched", 10)
        self.create_subscription(Grasp, "hands/right/grasp", self.on_grasp, 10)

    def on_grasp(self, grasp: Grasp) -> None:
        pinched = grasp.aperture < (OPEN if self.pinched else CLOSED)
        if grasp.confidence >= CONFIDENT and pinched != self.pinched:
            self.pinched = pinched
            self.publisher.publish(Bool(data=pinched))


rclpy.init()
try:
    rclpy.spin(GestureTrigger())
except (KeyboardInterrupt, rclpy.executors.ExternalShutdownException):
    pass
