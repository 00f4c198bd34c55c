"""hands_node and a node of yours in one process, on one executor: rclpy has no containers for components."""

import os

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from std_msgs.msg import UInt8

from handos_ros.hands_node import HandsNode
from handos_ros.msg import HandArray
from handos_ros.process.fast_dds import profile


class HandCounter(Node):
    def __init__(self) -> None:
        super().__init__("hand_counter")
        self.publisher = self.create_publisher(UInt8, "hands/count", 10)
        self.create_subscription(HandArray, "hands", self.on_hands, 10)

    def on_hands(self, message: HandArray) -> None:
        self.publisher.publish(UInt8(data=len(message.hands)))


os.environ.update(profile(os.environ))  # room for images in Fast DDS, as the nodes' own executables make it
rclpy.init()
nodes = [HandsNode(), HandCounter()]
executor = SingleThreadedExecutor()
for node in nodes:
    executor.add_node(node)
try:
    executor.spin()
except (KeyboardInterrupt, ExternalShutdownException):
    pass
finally:
    executor.shutdown()
    for node in nodes:
        node.destroy_node()
    rclpy.try_shutdown()
