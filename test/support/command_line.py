"""The answer to a wrong command line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from handos_model.cli import main

ROOT = Path(__file__).resolve().parents[2]


def called(script: str, *options: str, folder: Path | None = None) -> tuple[int, str]:
    """Exit code and last line of a script of the repository, which is started in a folder."""
    command = [sys.executable, str(ROOT / script), *options]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "120"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=180)
    return done.returncode, (done.stdout + done.stderr).splitlines()[-1]


def refused(capsys, *argv) -> str:
    """The one sentence that a wrong command gives."""
    try:
        code = main([str(a) for a in argv])
    except SystemExit as stop:
        code = stop.code
    error = capsys.readouterr().err
    assert code == 2
    assert error.count("\n") == 1
    assert "Traceback" not in error
    return error
