"""A node of the package in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GRACE = 20.0
"""s after which a node that does not end is killed."""


def domain(environment: Mapping[str, str]) -> str:
    """A ROS_DOMAIN_ID that no other process of these tests has, nor one of another run, nor the demo."""
    if worker := environment.get("PYTEST_XDIST_WORKER"):  # gw0, gw1, ... of one parent, which may have exported its own
        return str(1 + (os.getppid() + int(worker[2:])) % 50)
    return environment.get("ROS_DOMAIN_ID", str(1 + os.getpid() % 50))


def one_machine(environment: Mapping[str, str]) -> dict[str, str]:
    """Additions to the environment, before ROS is initialised: nodes of one run find each other and no others.

    With the Fast DDS profile of this checkout, and its sources before what is installed.
    """
    old = environment.get("ROS_DISTRO") in ("humble", "jazzy")
    return {
        "ROS_DOMAIN_ID": domain(environment),
        "ROS_STATIC_PEERS": "127.0.0.1",  # where a machine has no multicast, nodes find each other so
        "FASTRTPS_DEFAULT_PROFILES_FILE" if old else "FASTDDS_DEFAULT_PROFILES_FILE": str(ROOT / "config/fastdds.xml"),
        "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [environment.get("PYTHONPATH")])]),
        "OMP_NUM_THREADS": "1",
        "PYTHONFAULTHANDLER": "1",  # for the stacks of NodeProcess.wait
    }


class NodeProcess:
    """Starts an executable of scripts/, or another by its path, with ROS arguments, and ends it with the block."""

    def __init__(self, executable: str | Path, *ros_arguments: str) -> None:
        command = [sys.executable, str(ROOT / "scripts" / executable)]
        if ros_arguments:
            command += ["--ros-args", *ros_arguments]
        self._output = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=self._output, stderr=subprocess.STDOUT, text=True)

    def __enter__(self) -> NodeProcess:
        return self

    def __exit__(self, *_: object) -> None:
        """Ends it as Ctrl-C does: a killed node leaves its shared memory behind, and its peers may crash."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(GRACE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def wait(self, timeout: float = 180) -> tuple[int, str]:
        """Exit code, and everything that was printed; fails with the stacks of a process that does not end."""
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)
            self.process.wait()
            raise AssertionError(f"still running after {timeout:g} s; it printed:\n{self.printed()}") from None
        return code, self.printed()

    def stop(self, number: int = signal.SIGINT) -> tuple[int, str]:
        """Sends the signal; then as wait."""
        self.process.send_signal(number)
        return self.wait()

    def end(self) -> str:
        """Stops it as Ctrl-C does, upon which it must end with 0 and without a traceback; returns what it printed."""
        code, printed = self.stop()
        assert code == 0 and "Traceback" not in printed, f"it ended with {code}, and printed:\n{printed}"
        return printed

    def printed(self) -> str:
        """The output so far."""
        self._output.seek(0)
        return self._output.read()


def parameters(**values: object) -> list[str]:
    """ROS arguments that set parameters."""
    arguments = []
    for name, value in values.items():
        text = str(value).lower() if isinstance(value, bool) else str(value)
        arguments += ["-p", f"{name}:={text}"]
    return arguments
