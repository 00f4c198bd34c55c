"""The `handos` command. Exit codes: 0 done, 1 some inputs could not be read, 2 wrong input, 130 interrupted."""

from __future__ import annotations

import argparse
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from handos_model import __version__
from handos_model.commands import benchmark, datasets, evaluate, export, fuse, predict, render, reproduce, train
from handos_model.commands.parser import Parser
from handos_model.commands.prediction.signals import ending, handled
from handos_model.io.files import Problems, message

COMMANDS = {
    "predict": predict, "fuse": fuse, "train": train, "evaluate": evaluate, "export": export, "benchmark": benchmark,
    "render": render, "datasets": datasets, "reproduce": reproduce,
}  # fmt: skip
TRAINING_PACKAGES = ("torch", "numba", "onnx", "tensorboard", "accelerate", "transformers", "PIL")
"""Packages that the extra [train] installs and prediction does without."""


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    parser = Parser(prog="handos", description="Metric 3D hands from images: joints, mesh, side, position.")
    parser.add_argument("--version", action="version", version=f"handos {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, module in COMMANDS.items():
        about = str(module.__doc__).strip()
        command = commands.add_parser(name, help=about.splitlines()[0], description=about)
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return parser


def main(argv: list[str] | None = None) -> int:
    """Runs one command; returns its exit code. Errors of the user are one sentence on stderr, not a traceback."""
    args = build_parser().parse_args(argv)
    with _signals() as stopped:
        try:
            return args.run(args) or 0
        except KeyboardInterrupt:
            return _interrupted()
        except Exception as error:
            return _interrupted() if stopped() else _failed(args.command, error)


def _interrupted() -> int:
    print("handos: interrupted", file=sys.stderr)
    return 130


def _failed(command: str, error: Exception) -> int:
    """The exit code of an error of the user; re-raises any other."""
    if isinstance(error, BrokenPipeError):  # `handos predict ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    if not isinstance(error, ModuleNotFoundError | ValueError | OSError):
        raise error
    if isinstance(error, ModuleNotFoundError):
        sentences: tuple[object, ...] = (_missing(error, command),)
    else:
        sentences = error.args if isinstance(error, Problems) else (error,)
    for sentence in sentences:
        print(f"handos {command}: {message(sentence)}", file=sys.stderr)
    return 2


@contextmanager
def _signals() -> Iterator[Callable[[], bool]]:
    """Makes all signals that end a command leave files as Ctrl-C does, and tells whether one came.

    Compilers such as Numba's drop what a signal raises and then fail for want of what was not compiled. Only the main
    thread may handle signals.
    """
    came = False

    def handle(_number: int, _frame: FrameType | None) -> None:
        nonlocal came
        came = True
        raise KeyboardInterrupt

    numbers = ending() if threading.current_thread() is threading.main_thread() else []
    with handled(numbers, handle):
        yield lambda: came


def _missing(error: ModuleNotFoundError, command: str) -> str:
    """Returns the sentence for a package that is missing; re-raises errors for others than TRAINING_PACKAGES."""
    if error.name is None:
        return str(error)
    package = error.name.partition(".")[0]
    if package not in TRAINING_PACKAGES:
        raise error
    return f"{command} needs the package {package}, which is not installed: pip install '.[train]' in its checkout"


if __name__ == "__main__":
    sys.exit(main())
