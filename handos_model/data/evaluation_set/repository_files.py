"""One file of a public repository at a commit: from GitHub, or from a clone on this machine."""

from __future__ import annotations

import subprocess
import urllib.request
from http.client import HTTPException
from pathlib import Path
from urllib.parse import quote

from handos_model.data.evaluation_set.manifest import Repository
from handos_model.io.files import one_line, shown

GITHUB = "https://raw.githubusercontent.com"
MAX_BYTES = 64 * 2**20
TIMEOUT = 60.0  # s without a byte


def read_from_github(repository: Repository, path: str) -> bytes:
    """The bytes of a file; OSError with the address if they cannot be read."""
    address = f"{GITHUB}/{repository.repository}/{repository.commit}/{quote(path)}"
    try:
        with urllib.request.urlopen(address, timeout=TIMEOUT) as answer:
            content: bytes = answer.read(MAX_BYTES + 1)
    except (OSError, HTTPException) as error:
        raise OSError(f"{address} cannot be read: {one_line(getattr(error, 'reason', error))}") from error
    if len(content) > MAX_BYTES:
        raise OSError(f"{address} has more than {MAX_BYTES} bytes")
    if answer.length:
        raise OSError(f"{address} cannot be read: the connection ended {answer.length} bytes too early")
    return content


def read_from_clone(mirror: Path, repository: Repository, path: str) -> bytes:
    """The bytes of a file from the clone mirror/OWNER/NAME, bare or not; OSError if they are not in it."""
    clone = mirror / repository.repository
    if not clone.is_dir():
        raise FileNotFoundError(f"there is no clone of {repository.repository} at {shown(clone)}")
    named = f"{repository.commit}:{path}"
    done = subprocess.run(["git", "-C", str(clone), "cat-file", "blob", named], capture_output=True, check=False)
    if done.returncode:
        why = one_line(done.stderr.decode(errors="replace"))
        raise OSError(f"the clone {shown(clone)} does not hold {named}: {why}")
    return done.stdout
