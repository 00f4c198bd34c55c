"""Runs a node of this package in a separate process."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

from ament_index_python.packages import get_package_prefix

STOP = 15.0
"""Seconds that a node may take to end after it is asked to."""


class Child:
    """Runs an executable of handos_ros with parameters, started and stopped as `ros2 launch` does."""

    def __init__(self, executable: str, **parameters: str | bool | float) -> None:
        self.name = executable
        program = Path(get_package_prefix("handos_ros")) / "lib" / "handos_ros" / executable
        self._command = [sys.executable, str(program), "--ros-args"]
        for name, value in parameters.items():
            self._command += ["-p", f"{name}:={json.dumps(value)}"]  # JSON is YAML with unambiguous types
        self._process: subprocess.Popen | None = None

    def start(self) -> None:
        """Starts it in its own process group, so that Ctrl-C reaches this process first and the node only once."""
        self._process = subprocess.Popen(self._command, start_new_session=True)

    @property
    def ended(self) -> bool:
        """True when the process has ended by itself."""
        return self._process is not None and self._process.poll() is not None

    def must_run(self) -> None:
        """Raises RuntimeError if the process has ended."""
        if self._process is not None and self._process.poll() is not None:
            raise RuntimeError(f"{self.name} ended with code {self._process.returncode}: see its message above")

    def stop(self) -> None:
        """Sends Ctrl-C; raises RuntimeError if the process does not end, or not with code 0."""
        if self._process is None:
            return
        if not self.ended:
            self._process.send_signal(signal.SIGINT)
        try:
            code = self._process.wait(STOP)
        except subprocess.TimeoutExpired:
            raise RuntimeError(f"{self.name} did not stop within {STOP:.0f} s after Ctrl-C") from None
        if code:
            raise RuntimeError(f"{self.name} ended with code {code}: see its message above")

    def kill(self) -> None:
        """Kills the process if it is still running."""
        if self._process is not None and not self.ended:
            self._process.kill()
            self._process.wait()
