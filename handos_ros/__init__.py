"""The ROS 2 nodes, and the conversions between messages and handos_model."""

from pkgutil import extend_path

# Messages are generated into an installed package of this name: so handos_ros.msg is found when these are the sources.
__path__ = extend_path(__path__, __name__)
