"""A hook of mkdocs.yml: README.md becomes the first page, and what pages link to outside docs/ comes along.

The site has the files of docs/ at its top and every other linked file of the repository under repository/.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
LINK = re.compile(r"(?<=\]\()(?!\w+:|#)([^)#]+)")
ELSEWHERE = "repository/"


def repository_path(page: str) -> str:
    """The path in the repository of a file of the site."""
    if page == "index.md":
        return "README.md"
    return page.removeprefix(ELSEWHERE) if page.startswith(ELSEWHERE) else f"docs/{page}"


def site_path(path: str) -> str:
    """The path in the site of a file of the repository."""
    if path == "README.md":
        return "index.md"
    return path.removeprefix("docs/") if path.startswith("docs/") else ELSEWHERE + path


def linked(page: str, target: str) -> str:
    """The file of the site that a link on a page leads to."""
    return site_path(posixpath.normpath(posixpath.join(posixpath.dirname(repository_path(page)), target)))


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds README.md and every file that is linked from a page that is there."""
    new = ["index.md"]
    pages = [file.src_uri for file in files if file.is_documentation_page()]
    while new or pages:
        for name in new:
            files.append(File.generated(config, name, abs_src_path=str(ROOT / repository_path(name))))
        pages += [name for name in new if name.endswith(".md")]
        found = {linked(page, target) for page in pages for target in LINK.findall(_text(page))}
        new = sorted(name for name in found if name not in files.src_uris and (ROOT / repository_path(name)).is_file())
        pages = []
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Makes links lead to where their files are in the site."""
    here = page.file.src_uri
    return LINK.sub(lambda link: posixpath.relpath(linked(here, link[1]), posixpath.dirname(here) or "."), markdown)


def _text(page: str) -> str:
    return (ROOT / repository_path(page)).read_text()
