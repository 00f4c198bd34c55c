"""Runs a node as a process: an error at start is one sentence and exit code 1, a signal to stop is exit code 0."""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import threading
import time
from collections.abc import Callable

import rclpy
from rclpy.exceptions import InvalidParameterException, NameValidationException, ParameterException
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.signals import SignalHandlerOptions, install_signal_handlers
from rclpy.utilities import remove_ros_args

from handos_model.io.files import one_line
from handos_ros.process.fast_dds import profile
from handos_ros.process.guarded_node import GuardedNode, without_places

START_ERRORS = (
    ValueError, OSError, ModuleNotFoundError, ParameterException, InvalidParameterException, NameValidationException,
)  # fmt: skip
"""Errors that a user can cause and fix: wrong parameters and names, missing and damaged files, absent devices."""
GRACE = 3.0
"""Seconds that a process may take to end after a signal or an error: less than the five that ros2 launch waits."""
HANG = 4
"""Seconds after which SIGALRM kills a process that is about to end and hangs, even in Fast DDS and without Python."""


def run(name: str, make: Callable[[], GuardedNode]) -> int:
    """Initialises ROS, makes the node, spins it until it is stopped, and returns the exit code.

    `make` may raise one of START_ERRORS.
    """
    stopped = _end_on_signals()
    os.environ.update(profile(os.environ))  # Fast DDS reads it when the first node is made
    try:
        if extra := remove_ros_args(sys.argv)[1:]:
            return _refused(name, extra)
        rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    except Exception as error:  # from rcl's C bindings: malformed arguments, unreadable parameter files
        return _failed(name, f"wrong ROS arguments: {without_places(error)}")
    executor = SingleThreadedExecutor()  # made before a signal can end the context, in which rclpy makes half of one
    install_signal_handlers(SignalHandlerOptions.ALL)
    node = None
    try:
        if not stopped.is_set():
            node = make()
            _spin(node, executor)
            if node.failure:
                return _failed(name, node.failure)
    except START_ERRORS as error:
        if rclpy.ok():
            return _failed(name, str(error))
    except rclpy_implementation.RCLError as error:  # the middleware refuses, for example if keys are missing
        if rclpy.ok():
            return _failed(name, without_places(error))
    except Exception:
        if rclpy.ok():  # else the signal arrived while the node was being created, and no more can be created
            raise
    finally:
        signal.alarm(HANG)
        executor.shutdown()  # it cannot be collected after ROS has ended
        if node is not None:
            node.destroy_node()
        rclpy.try_shutdown()
        ignore_signals()
    return 0


def ignore_signals() -> None:
    """Makes SIGINT and SIGTERM do nothing while the process ends.

    Python gives up its handlers before Fast DDS has cleaned up, so that a further signal would kill the process there.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def _refused(name: str, arguments: list[str]) -> int:
    """Handles arguments that are not ROS's; the only one expected is a request for help."""
    usage = f"usage: {name} --ros-args [-p PARAMETER:=VALUE] [-r TOPIC:=TOPIC] [--params-file FILE]"
    if set(arguments) & {"-h", "--help"}:
        print(usage, f"`ros2 param describe /{name} PARAMETER` explains the parameters of a running node.", sep="\n")
        return 0
    print(f"{name}: unknown argument {one_line(arguments[0])!r}; {usage}", file=sys.stderr)
    return 2


def _spin(node: GuardedNode, executor: SingleThreadedExecutor) -> None:
    """Spins the node until it has finished or is stopped, whatever its callbacks raise."""
    executor.add_node(node)
    while node.context.ok() and not node.finished:
        try:
            executor.spin_once()
        except ExternalShutdownException:
            return
        except Exception as error:  # from rclpy itself, for example if a message cannot be converted
            node.survive("rclpy", error)


def _end_on_signals() -> threading.Event:
    """Makes SIGINT and SIGTERM end the process within GRACE, whatever it is doing; the event is set by either.

    Python's own handler would raise KeyboardInterrupt wherever the main thread is, even while it cleans up. rclpy's
    handlers, installed on top of these, end the spinning. A main thread that waits for a device or a file, for
    example while it starts, sees neither: then a separate thread, which Python wakes through a pipe, ends the process.
    """
    stopped = threading.Event()
    woken, waker = os.pipe()
    os.set_blocking(waker, False)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)

    def end() -> None:
        while os.read(woken, 1)[0] not in (signal.SIGINT, signal.SIGTERM):
            pass
        stopped.set()
        time.sleep(GRACE)
        sys.stdout.flush()
        os._exit(0)

    threading.Thread(target=end, name="signals", daemon=True).start()
    return stopped


def _failed(name: str, sentence: str) -> int:
    """Prints why, and makes sure that the process ends within GRACE: Fast DDS may spin for minutes while it ends."""
    print(f"{name}: {one_line(sentence, 1000)}", file=sys.stderr, flush=True)
    # It is a C thread, as a Python thread would wait for a lock that rclpy may hold. It ends with exit code 1.
    faulthandler.dump_traceback_later(GRACE, exit=True, file=open(os.devnull, "w"))  # noqa: SIM115
    return 1
