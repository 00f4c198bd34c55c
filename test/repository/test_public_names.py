"""Public names according to docs/: those that packages export, the fields of a Hand, and what messages say of trust."""

from __future__ import annotations

import importlib
import re
from collections import defaultdict
from dataclasses import fields
from pathlib import Path

from handos_model.hand import SCALE_SOURCES, Hand, blank_hand

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "python.md").read_text()
CODE = [*(ROOT / "docs").glob("*.md"), ROOT / "README.md", *(ROOT / "examples").glob("*.py")]


def public_names() -> dict[str, set[str]]:
    """The names in the table at the top of docs/python.md, by module."""
    found = defaultdict(set)
    for module, names in re.findall(r"^\| `(handos_model[\w.]*)` \| (`[^|]+`) \|", PAGE, re.M):
        found[module].update(re.findall(r"\w+", names))
    return found


def hand_table() -> dict[str, str]:
    """Meaning of each attribute in the table of docs/python.md."""
    table = PAGE.partition("| attribute | shape | meaning |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| (`.+?) \| .*? ?\| (.+) \|$", table, re.M)
    return {name: meaning for names, meaning in rows for name in re.findall(r"\w+", names)}


def test_the_names_that_packages_export_are_those_of_the_page() -> None:
    names = public_names()
    for module in ("handos_model", "handos_model.kinematics"):
        assert names[module] == set(importlib.import_module(module).__all__)


def test_public_names_exist() -> None:
    for module, names in public_names().items():
        assert [name for name in names if not hasattr(importlib.import_module(module), name)] == [], module


def test_pages_and_examples_use_public_names() -> None:
    names = public_names()
    used = {
        (module, name)
        for path in CODE
        for module, imported in re.findall(r"^from (handos_model[\w.]*) import (.+)$", path.read_text(), re.M)
        for name in imported.split(", ")
    }
    assert len(used) > 10 and {(module, name) for module, name in used if name not in names[module]} == set()


def test_every_attribute_of_a_hand_is_explained() -> None:
    table, written = hand_table(), set(blank_hand().to_dict(vertices=True))
    assert set(table) == {field.name for field in fields(Hand)} | written
    page = (ROOT / "docs" / "command_line.md").read_text()
    (without,) = re.findall(r"\(python.md#what-a-hand-is\) without (.+?), and those below", page)
    assert set(table) - written == set(re.findall(r"`(\w+)`", without))
    assert [source for source in SCALE_SOURCES if f"`{source}`" not in table["scale_source"]] == []


def test_reliability_explains_what_messages_say_of_trust() -> None:
    section = (ROOT / "docs" / "reliability.md").read_text().partition("## What the output says about itself")[2]
    section = section.partition("\n## ")[0]
    for message in ("Hand", "HandArray"):
        text = (ROOT / "msg" / f"{message}.msg").read_text()
        said = re.findall(r"^uint8 (SCALE_\w+) =", text, re.M)
        said += re.findall(r"^[\w/]+(?:\[\d*\])? +(score|\w+_(?:confidence|source|valid)) ", text, re.M)
        assert len(said) > 5 and [name for name in said if name not in section] == [], message
