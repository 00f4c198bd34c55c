"""Plans a handover: the hand's grasp in base_link, the pose from which a gripper approaches it, and the hand's size.

    python examples/grasp_planner.py --ros-args -p base_frame:=base_link -p side:=right

Publishes pregrasp (geometry_msgs/PoseStamped) 10 cm before the grasp, turned for a tool whose z points forward.
"""

import numpy as np
import rclpy
import tf2_geometry_msgs
import tf_transformations
from cv_bridge import CvBridge
from geometry_msgs.msg import PoseStamped
from rclpy.node import Node
from rclpy.time import Time
from sensor_msgs.msg import Image, PointCloud2
from sensor_msgs_py import point_cloud2
from tf2_ros import Buffer, TransformException, TransformListener

from handos_ros.msg import Grasp

RETREAT = 0.1  # m
TO_TOOL = tf_transformations.quaternion_from_euler(0, np.pi / 2, 0)  # x of the grasp becomes z of the tool


class GraspPlanner(Node):
    def __init__(self) -> None:
        super().__init__("grasp_planner")
        self.base_frame = self.declare_parameter("base_frame", "base_link").value
        side = self.declare_parameter("side", "right").value
        if side not in ("left", "right"):
            raise SystemExit(f"side is {side!r}, must be left or right")
        self.buffer = Buffer()
        self.listener = TransformListener(self.buffer, self)
        self.bridge = CvBridge()
        self.publisher = self.create_publisher(PoseStamped, "pregrasp", 10)
        self.create_subscription(Grasp, f"hands/{side}/grasp", self.on_grasp, 10)
        self.create_subscription(PointCloud2, "hands/points", self.on_points, 1)
        self.create_subscription(Image, "hands/debug_image", self.on_image, 1)

    def on_grasp(self, message: Grasp) -> None:
        header, stamp = message.header, Time.from_msg(message.header.stamp)
        try:
            camera = self.buffer.lookup_transform(self.base_frame, header.frame_id, stamp)
        except TransformException as error:
            self.get_logger().warning(f"no grasp in {self.base_frame}: {error}", throttle_duration_sec=5.0)
            return
        pose = tf2_geometry_msgs.do_transform_pose(message.pose, camera)
        q = [getattr(pose.orientation, axis) for axis in "xyzw"]
        forward = tf_transformations.quaternion_matrix(q)[:3, 0]
        tool = tf_transformations.quaternion_multiply(q, TO_TOOL)
        for axis, step, turn in zip("xyz", forward, tool[:3], strict=True):
            setattr(pose.position, axis, getattr(pose.position, axis) - RETREAT * step)
            setattr(pose.orientation, axis, turn)
        pose.orientation.w = tool[3]
        pregrasp = PoseStamped(pose=pose)
        pregrasp.header.stamp, pregrasp.header.frame_id = header.stamp, self.base_frame
        self.publisher.publish(pregrasp)

    def on_points(self, cloud: PointCloud2) -> None:
        points = point_cloud2.read_points(cloud, field_names=("x", "y", "z", "hand_id"))
        for hand in np.unique(points["hand_id"]):
            mine = points[points["hand_id"] == hand]
            size = [float(np.ptp(mine[axis])) for axis in "xyz"]
            self.get_logger().info(f"keep {np.round(size, 3).tolist()} m free around hand {hand}")

    def on_image(self, message: Image) -> None:
        height, width = self.bridge.imgmsg_to_cv2(message, "bgr8").shape[:2]
        self.get_logger().info(f"watching a {width}x{height} image", once=True)


rclpy.init()
try:
    rclpy.spin(GraspPlanner())
except (KeyboardInterrupt, rclpy.executors.ExternalShutdownException):
    pass
