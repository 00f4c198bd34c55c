"""Parser: the arguments of every command of this package."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NoReturn


class Parser(argparse.ArgumentParser):
    """Refuses empty text: that of an unset shell variable must not stand for the current folder, or for no output."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        for kind in (None, Path):  # None: of arguments that name no type, which are text
            self.register("type", kind, partial(_given, kind or str))

    def add_subparsers(self, **options: Any) -> Any:
        """Leaves the arguments of a command to its own parser, which names them."""
        action = super().add_subparsers(**options)
        action.type = str
        return action

    def error(self, message: str) -> NoReturn:
        """Exits with 2 and one line, without the usage."""
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def _given(kind: Callable[[str], Any], text: str) -> Any:
    if not text:
        raise argparse.ArgumentTypeError("is empty (unset shell variable?)")
    return kind(text)
