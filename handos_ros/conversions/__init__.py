"""Conversions between messages and the values of handos_model."""

from handos_ros.conversions.received import camera_from, hands_from

__all__ = ["camera_from", "hands_from"]
