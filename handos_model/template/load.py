"""Loads a hand template, embedded or from a file."""

from __future__ import annotations

from pathlib import Path

from handos_model.io.files import TEMPLATE, open_file, shown
from handos_model.template.embedded import embedded_template, read_template
from handos_model.template.hand_template import HandTemplate
from handos_model.template.mano import read_mano


def load_template(path: str | Path | None = None) -> HandTemplate:
    """The embedded template, or the one in `path`: an .npz written by save_template, or MANO's own .pkl.

    Raises FileNotFoundError if there is no such file, ValueError if it is damaged or of another kind.
    """
    if path is None:
        return embedded_template()
    file = Path(path)
    open_file(file, TEMPLATE).close()
    if file.suffix.lower() == ".pkl":
        return read_mano(file)
    if file.suffix.lower() != ".npz":
        raise ValueError(
            f"hand template '{shown(file)}' has the suffix '{shown(file.suffix)}': allowed are .npz and .pkl (MANO)"
        )
    return read_template(file)
