"""The ROS 2 nodes, and the conversions between messages and handos_model."""

from pkgutil import extend_path

# Messages are generated into an installed package of the same name; this finds handos_ros.msg even from the sources.
__path__ = extend_path(__path__, __name__)
