"""Prints where the tip of every index finger is."""

import rclpy

from handos_ros.msg import Hand, HandArray


def on_hands(message: HandArray) -> None:
    for hand in message.hands:
        tip = hand.joints_3d[Hand.INDEX_TIP]
        print(f"hand {hand.id}: ({tip.x:.3f}, {tip.y:.3f}, {tip.z:.3f}) m in {message.header.frame_id}", flush=True)


rclpy.init()
node = rclpy.create_node("index_fingertips")
node.create_subscription(HandArray, "hands", on_hands, 10)
try:
    rclpy.spin(node)
except (KeyboardInterrupt, rclpy.executors.ExternalShutdownException):
    pass
