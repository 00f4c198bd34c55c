"""Runs a node as a process: an error at start is one sentence and exit code 1, a signal to stop is exit code 0."""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Callable

import rclpy
from rclpy.exceptions import InvalidParameterException, NameValidationException, ParameterException
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node

from handos_ros.process.fast_dds import profile

START_ERRORS = (ValueError, OSError, ParameterException, InvalidParameterException, NameValidationException)
"""Errors that a user can cause and fix: wrong parameters and names, missing and damaged files, absent devices."""


def run(name: str, make: Callable[[], Node]) -> int:
    """Initialises ROS, makes the node, spins it until it is stopped, and returns the exit code.

    `make` may raise one of START_ERRORS. A node that finishes by itself shuts down its context.
    """
    # Python's own handler would raise KeyboardInterrupt wherever the main thread is, cleaning up included. rclpy's
    # handlers, installed by init on top of these, end the spinning.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    os.environ.update(profile(os.environ))  # Fast DDS reads it with the first node
    try:
        rclpy.init()
    except Exception as error:  # of rcl's C bindings: malformed arguments, unreadable parameter files
        return _failed(name, re.sub(r", at [^ ]+:[0-9]+", "", str(error)))  # lines of rcl's source
    node = None
    try:
        node = make()
        rclpy.spin(node)
    except ExternalShutdownException:
        pass
    except START_ERRORS as error:
        if rclpy.ok():
            return _failed(name, str(error))
    except Exception:
        if rclpy.ok():  # else the signal came while the node was made, and nothing can be made any more
            raise
    finally:
        if node is not None:
            node.destroy_node()
        rclpy.try_shutdown()
    return 0


def _failed(name: str, sentence: str) -> int:
    print(f"{name}: {' '.join(sentence.split())}", file=sys.stderr)
    return 1
