"""The shape of the house: which way imports point, and how large a folder, a file and a function may be."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("handos_model", "handos_ros")
LARGEST_FOLDER = 12  # modules on one level, __init__.py aside
LARGEST_FILE = 300  # lines
LARGEST_FUNCTION = 60  # lines
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for package in PACKAGES
    for path in sorted((ROOT / package).rglob("*.py"))
}
WRITTEN = sorted(
    path
    for folder in (*PACKAGES, "benchmarks", "examples", "launch", "test", "tools")
    for path in (ROOT / folder).rglob("*.py")
)


@cache
def nodes(path: Path) -> list[ast.AST]:
    """Every node of a file's syntax tree."""
    return list(ast.walk(ast.parse(path.read_text())))


@cache
def imports(path: Path) -> list[ast.Import | ast.ImportFrom]:
    """Every import of a file, those inside of functions and of TYPE_CHECKING included."""
    return [node for node in nodes(path) if isinstance(node, ast.Import | ast.ImportFrom)]


def imported_modules(path: Path) -> set[str]:
    """The modules of this repository that a file imports."""
    found: set[str] = set()
    for node in imports(path):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        else:
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
    return found & set(MODULES)


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """One list of modules for each circle that a depth-first walk runs into."""
    found: list[list[str]] = []
    done: set[str] = set()

    def walk(module: str, path: list[str]) -> None:
        if module in path:
            found.append([*path[path.index(module) :], module])
        elif module not in done:
            for other in sorted(graph[module]):
                walk(other, [*path, module])
            done.add(module)

    for module in sorted(graph):
        walk(module, [])
    return found


def test_circles_are_found() -> None:
    assert circles({"a": {"b"}, "b": set()}) == []
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}}) == [["a", "b", "c", "a"]]


def test_imports_run_in_no_circle() -> None:
    # A package's own __init__.py imports its modules for the user and no module imports it for more than its version.
    graph = {module: imported_modules(path) - set(PACKAGES) for module, path in MODULES.items()}
    assert circles(graph) == []


def test_handos_model_knows_nothing_of_ros() -> None:
    ros = {"handos_ros", "rclpy", "ament_index_python", "launch", "launch_ros"}
    for module, path in MODULES.items():
        if module.startswith("handos_model"):
            names = {name.partition(".")[0] for name in absolute_names(path)}
            assert not names & ros and not any(name.endswith("_msgs") for name in names), module


def test_handos_ros_knows_nothing_of_training() -> None:
    training = {f"handos_model.{name}" for name in ("network", "training", "data", "synthetic", "evaluation")}
    for module, path in MODULES.items():
        if module.startswith("handos_ros"):
            names = absolute_names(path)
            assert not {name.partition(".")[0] for name in names} & {"torch", "numba", "transformers"}, module
            assert not {".".join(name.split(".")[:2]) for name in names} & training, module


def absolute_names(path: Path) -> set[str]:
    """Modules that a file imports, as they are written."""
    return {
        name
        for node in imports(path)
        for name in ([alias.name for alias in node.names] if isinstance(node, ast.Import) else [str(node.module)])
    }


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_are_absolute_and_name_the_module_that_defines_a_name(package: str) -> None:
    for module, path in MODULES.items():
        for node in imports(path):
            if not module.startswith(package) or not isinstance(node, ast.ImportFrom):
                continue
            assert node.level == 0, f"{module}: write the whole name of {node.module}"
            source = MODULES.get(str(node.module))
            if source and source.name != "__init__.py":
                foreign = {alias.name for alias in node.names} - defined(source)
                assert not foreign, f"{module} imports {foreign} from {node.module}, which does not define them"


@cache
def defined(path: Path) -> set[str]:
    """Names that a module's own statements bind, imports aside."""
    names: set[str] = set()
    for node in nodes(path):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return names


def test_the_types_and_docstrings_of_every_module_are_checked() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    checked = re.search(r"^files = \[(.*?)\]", text.partition("[tool.mypy]")[2], re.M | re.S)
    assert checked is not None
    files = {path for pattern in re.findall('"(.+?)"', checked[1]) for path in ROOT.glob(pattern)}
    assert [module for module, path in MODULES.items() if not files & {path, *path.parents}] == []
    spared = re.search(r"^\[tool\.ruff\.lint\.per-file-ignores\]\n(.*?)\n\n", text, re.M | re.S)
    assert spared is not None
    assert re.findall(r'^"(handos_.+?)" = \[(.*)\]', spared[1], re.M) == [("handos_model/data/published/**", '"D102"')]


def test_a_docstring_names_its_subject_first() -> None:
    """ "The files below a folder", not "What is below a folder"; "Share of the memory", not "Of the memory"."""
    begun = [
        f"{path.relative_to(ROOT)}: {node.value.value[:40]}"
        for path in WRITTEN
        for node in nodes(path)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if str(node.value.value).startswith(("What ", "Of "))
    ]
    assert begun == []


def test_no_folder_is_crowded() -> None:
    folders = {path.parent for path in MODULES.values()}
    counts = {folder: len(list(folder.glob("*.py"))) - 1 for folder in folders}
    assert {str(folder): count for folder, count in counts.items() if count > LARGEST_FOLDER} == {}


def test_no_file_is_long() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in WRITTEN}
    assert {name: length for name, length in lengths.items() if length > LARGEST_FILE} == {}


def test_no_function_is_long() -> None:
    lengths = {
        f"{path.relative_to(ROOT)}: {node.name}": (node.end_lineno or 0) - node.lineno + 1
        for path in WRITTEN
        for node in nodes(path)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {name: length for name, length in lengths.items() if length > LARGEST_FUNCTION} == {}


def test_a_folder_is_a_package() -> None:
    assert [str(path.parent) for path in MODULES.values() if not (path.parent / "__init__.py").is_file()] == []


def test_a_module_has_its_name_to_itself() -> None:
    places: dict[str, list[str]] = {}
    for module, path in MODULES.items():
        if path.name != "__init__.py":
            places.setdefault(path.name, []).append(module)
    assert {name: where for name, where in places.items() if len(where) > 1} == {}


def test_a_class_has_its_name_to_itself() -> None:
    places: dict[str, list[str]] = {}
    for module, path in MODULES.items():
        for node in nodes(path):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append(module)
    assert {name: where for name, where in places.items() if len(where) > 1} == {}


def test_what_every_frame_has_in_common_has_its_names_to_itself() -> None:
    """A limit of inputs, which much of both packages imports, is not called as a limit of something else."""
    shared = {name for name in defined(MODULES["handos_model.io.frame"]) if name.isupper()}
    taken = {
        module: sorted(names)
        for module, path in MODULES.items()
        if module != "handos_model.io.frame" and (names := shared & defined(path))
    }
    assert "LONGEST_NAME" in shared and taken == {}
