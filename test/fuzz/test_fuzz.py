"""A short campaign over every class; `make fuzz` runs long ones."""

from __future__ import annotations

import os
from pathlib import Path

import campaign
import pytest
from classes import CLASSES

INPUTS = 200  # of each class
SEED = int(os.environ.get("FUZZ_SEED", "0"))


@pytest.mark.parametrize("name", CLASSES)
def test_hostile_inputs_are_read_or_refused_in_one_sentence(tmp_path: Path, name: str) -> None:
    print(f"FUZZ_SEED={SEED}")
    total = campaign.run([name], INPUTS, SEED, tmp_path / "inputs", workers=1, minutes=10)[name]
    assert total.failures == []
    assert sum(total.counts.values()) == INPUTS and total.counts["refused"] > 0


def test_other_answers_are_failures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A traceback, an answer of two lines, much memory and a process that dies."""
    (tmp_path / "bad_inputs.py").write_text(
        "import os\nfrom fuzz_class import FuzzClass\nfrom hypothesis import strategies as st\n"
        "def feed(data):\n"
        "    if data == b'0': raise IndexError('x')\n"
        "    if data == b'1': raise ValueError('two\\nlines')\n"
        "    if data == b'2': return bytearray(b'1') * 1_200_000_000\n"
        "BAD = FuzzClass(st.sampled_from([b'0', b'1', b'2', b'3']), feed)\n"
        "DEAD = FuzzClass(st.just(b''), lambda data: os.abort())\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}")
    monkeypatch.setenv("FUZZ_CLASSES", "bad=bad_inputs.BAD,dead=bad_inputs.DEAD")
    totals = campaign.run(["bad", "dead"], 16, 0, tmp_path / "inputs", workers=1, minutes=10)
    said = "\n".join(totals["bad"].failures)
    assert "IndexError" in said and "two" in said and "MB" in said and totals["bad"].counts["read"] > 0
    (death,) = totals["dead"].failures
    assert "process ended with -6" in death
