"""Options and errors of the scripts in this folder: numbers within limits, and one sentence for an error."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from handos_model.io.files import message

Number = TypeVar("Number", int, float)


def options(about: str | None) -> argparse.ArgumentParser:
    """A parser whose help begins with the docstring of the script as it stands."""
    return argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)


def at_least(low: Number) -> Callable[[str], Number]:
    """Type of an option: finite numbers from `low` on, whole ones if `low` is."""
    kind = type(low)

    def convert(text: str) -> Number:
        value = kind(text)
        if not low <= value < math.inf:
            raise argparse.ArgumentTypeError(f"is {text}, must be {low} or more")
        return value

    convert.__name__ = kind.__name__  # argparse names it where the text is no number
    return convert


def new_file(text: str) -> Path:
    """Type of an option: a file to write, in a folder that is there before the script works for minutes."""
    path = Path(text)
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"is {path}, and there is no folder {path.parent}: make it first")
    return path


def run_script(main: Callable[[], None]) -> None:
    """Runs a script. Errors that its user can mend are one sentence and exit code 1, Ctrl-C is exit code 130."""
    try:
        main()
    except (ValueError, OSError) as error:
        sys.exit(f"{Path(sys.argv[0]).name}: {message(error)}")
    except KeyboardInterrupt:
        sys.exit(130)
