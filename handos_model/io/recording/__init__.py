"""ROS recordings without ROS: rosbag2 in SQLite and MCAP, and ROS 1 bags, whole or damaged."""
