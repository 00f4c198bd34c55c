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
    assert total.counts.total() == INPUTS and total.counts["refused"] > 0


def test_other_answers_are_failures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A traceback, an answer of two lines, much memory and a process that dies."""
    (tmp_path / "bad_inputs.py").write_text(
        "import os\nfrom fuzz_class import FuzzClass\n"
        "def feed(data):\n"
        "    if data[:1] == b'0': raise IndexError('x')\n"
        "    if data[:1] == b'1': raise ValueError('two\\nlines')\n"
        "    if data[:1] == b'2': return bytearray(b'1') * 1_200_000_000\n"
        "BAD = FuzzClass(feed, [b'0', b'1', b'2', b'3'], kept=1)\n"
        "DEAD = FuzzClass(lambda data: os.abort(), [b''])\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}")
    monkeypatch.setenv("FUZZ_CLASSES", "bad=bad_inputs.BAD,dead=bad_inputs.DEAD")
    totals = campaign.run(["bad", "dead"], 32, 0, tmp_path / "inputs", workers=1, minutes=10)
    said = "\n".join(totals["bad"].failures)
    assert "IndexError" in said and "two" in said and "MB" in said and totals["bad"].counts["read"] > 0
    (death,) = totals["dead"].failures
    assert "process ended with -6" in death


def test_a_campaign_goes_on_where_it_was_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = campaign.run(["image"], 20, 0, tmp_path, workers=1, minutes=10)["image"]
    monkeypatch.setattr(campaign.sys, "executable", "/bin/false")  # nothing is fed a second time
    assert campaign.run(["image"], 20, 0, tmp_path, workers=1, minutes=10)["image"] == whole


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["nosuch"], "there are no inputs of nosuch, known are "),
        (["--inputs", "0"], "--inputs and --workers must be 1"),
    ],
)
def test_a_campaign_without_inputs_is_refused(
    options: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["campaign.py", *options])
    with pytest.raises(SystemExit) as ended:
        campaign.main()
    assert ended.value.code == 2 and f"campaign.py: error: {said}" in capsys.readouterr().err
