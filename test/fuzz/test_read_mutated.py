import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from read_mutated import BAGS, VIDEOS

COUNT = os.environ.get("FUZZ_COUNT", "12")
SEED = os.environ.get("FUZZ_SEED", "0")


@pytest.mark.parametrize("kinds", [tuple(BAGS), tuple(VIDEOS)], ids=["recordings", "videos"])
def test_damaged_files_are_answered_in_sentences(kinds):
    pytest.importorskip("rosbags")
    command = [sys.executable, str(Path(__file__).with_name("read_mutated.py")), COUNT, SEED, *kinds]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, f"seed {SEED}: {run.stderr[-2000:]}"
    assert run.stderr == ""
    counts = {name: count for line in run.stdout.splitlines() for name, count in json.loads(line).items()}
    assert set(counts) == set(kinds)
    for count in counts.values():
        assert count["refused"] + count["read"] == int(COUNT)
        assert count["sentences"] > 0
