"""YAML files from elsewhere as plain values, limited in number: mappings, lists, texts, numbers, booleans and null."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NoReturn

import yaml

from handos_model.io.files import Kind, one_line, read_text, shown

MAX_DEPTH = 20
"""Maximum depth of nested lists and mappings."""
MAX_VALUES = 20_000
"""Maximum number of keys and values; an alias (*name) counts as all that it stands for, a long text as several of
CHARACTERS each."""
CHARACTERS = 16
LARGEST_NUMBER = 2**63
_CORE = "tag:yaml.org,2002:"
_PLAIN = [None, *(_CORE + name for name in ("null", "bool", "int", "float", "str", "seq", "map"))]
"""Tags that have a reader; None stands for all others, whose reader refuses them."""
_MERGE = f"{_CORE}merge"
_WITH_EXPONENT = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$", re.ASCII)
"""Numbers such as 1e-3, which YAML 1.1 and PyYAML take for a text, and YAML 1.2 and programs that write them do not."""
_TIMESTAMP = f"{_CORE}timestamp"  # 2026-01-01 stays a text


def read_yaml(path: Path, kind: Kind) -> Any:
    """Content of a file; None for an empty one. Raises as read_text, and ValueError for all but bounded plain values.

    Tags (!!name) other than those of plain values are refused; a key that occurs twice in a mapping is an error.
    """
    text = read_text(path, kind)
    if text.startswith("%YAML:") or "!!opencv-matrix" in text:
        hint = f": {kind.hint}" if kind.hint else ""
        raise ValueError(f"{kind.name} {shown(path)} is of OpenCV's FileStorage, must be plain YAML{hint}")
    try:
        return yaml.load(text, _BoundedLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f" in line {mark.line + 1}" if mark else ""
        raise ValueError(f"{kind.name} {shown(path)} cannot be read: {one_line(error.problem)}{where}") from error
    except Exception as error:  # PyYAML's readers of numbers raise what Python raises
        raise ValueError(f"{kind.name} {shown(path)} cannot be read: {one_line(error)}") from error


class _BoundedLoader(yaml.SafeLoader):
    """SafeLoader with limits on the depth, number and size of values."""

    yaml_constructors = {tag: yaml.SafeLoader.yaml_constructors[tag] for tag in _PLAIN}
    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != _TIMESTAMP]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = self._values = 0
        self._behind: dict[str, int] = {}  # number of values that an anchor stands for

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """The next node, counted."""
        event = self.peek_event()
        before = self._values
        self._depth += 1
        if isinstance(event, yaml.AliasEvent) and event.anchor in self.anchors:
            if event.anchor not in self._behind:
                self._refuse(f"*{event.anchor} contains itself", event)
            self._values += self._behind[event.anchor]
        else:
            self._values += 1 + len(getattr(event, "value", "")) // CHARACTERS
        if self._depth > MAX_DEPTH:
            self._refuse(f"its values are nested more than {MAX_DEPTH} deep", event)
        if self._values > MAX_VALUES:
            self._refuse(f"it has more than {MAX_VALUES} values", event)
        node = super().compose_node(parent, index)
        self._depth -= 1
        anchor = getattr(event, "anchor", None)
        if anchor is not None and not isinstance(event, yaml.AliasEvent):
            self._behind[anchor] = self._values - before
        return node

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """The next mapping, in which each key may occur only once."""
        node = super().compose_mapping_node(anchor)
        keys: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != _MERGE:
                if key.value in keys:
                    self._refuse(f"there is a duplicate key {one_line(key.value, 40)}", key)
                keys.add(key.value)
        return node

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        """A whole number, which must fit into 64 bits."""
        value = super().construct_yaml_int(node) if len(node.value) <= 100 else LARGEST_NUMBER
        if not -LARGEST_NUMBER <= value < LARGEST_NUMBER:
            self._refuse(f"the number {one_line(node.value, 40)} does not fit in 64 bits", node)
        return value

    def _refuse(self, problem: str, where: Any) -> NoReturn:
        raise yaml.MarkedYAMLError(None, None, problem, where.start_mark)


_BoundedLoader.add_constructor(f"{_CORE}int", _BoundedLoader.construct_yaml_int)
_BoundedLoader.add_implicit_resolver(f"{_CORE}float", _WITH_EXPONENT, list("-+.0123456789"))
