"""The command whose caller has closed its standard streams."""

import subprocess
import sys
from pathlib import Path

import pytest
from made_files import write_image
from predicted import PHOTO, lines_of

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def photo(tmp_path) -> str:
    return str(write_image(tmp_path / "photo.png", PHOTO))


def closed(streams: str, *options: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command that a shell starts with some streams closed."""
    program = "import sys, handos_command; sys.exit(handos_command.main())"
    command = ["sh", "-c", f'exec "$@" {streams}', "sh", sys.executable, "-c", program, *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=180)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("streams", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_results_are_written_with_closed_streams(tmp_path, weights, photo, streams):
    out = tmp_path / "results.jsonl"
    code, printed, said = closed(streams, "predict", photo, "--weights", weights, "--out", str(out))
    assert (code, printed) == (0, "")
    (record,) = lines_of(out)
    assert [hand["side"] for hand in record["hands"]] == ["right"]
    assert ("1 frames, 1 hands" in said) == ("2>" not in streams)


def test_results_for_a_closed_stdout_are_an_error(weights, photo):
    code, _, said = closed(">&-", "predict", photo, "--weights", weights)
    assert (code, said) == (2, "handos predict: [Errno 9] Bad file descriptor\n")


def test_an_error_with_a_closed_stderr_keeps_its_exit_code():
    assert closed("2>&-", "predict", "no.png") == (2, "", "")
