"""Node parameters from a dataclass, which defines name, type, default, description and limits of each."""

from __future__ import annotations

import difflib
from dataclasses import field, fields, replace
from typing import Any, TypeVar

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.node import Node
from rclpy.parameter import Parameter

from handos_model.io.files import one_line
from handos_ros.process.parameter_files import GivenParameters

LONGEST_TEXT = 1024
"""Maximum number of characters of a string parameter."""
BUILT_IN = ("use_sim_time", "start_type_description_service")
"""Parameters that rclpy declares for every node."""

_FROM_INTEGER = {Parameter.Type.DOUBLE: float, Parameter.Type.STRING: str}
_TYPES = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}

SettingsT = TypeVar("SettingsT", bound=Any)  # a dataclass whose fields are made by parameter()


def parameter(
    default: Any,
    description: str,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    read_only: bool = False,
) -> Any:
    """A field of a settings dataclass that is a node parameter; it has the type of its default and a closed range.

    A read-only parameter is set when the node starts and cannot be changed later.
    """
    row = {"description": description, "low": low, "high": high, "choices": choices, "read_only": read_only}
    return field(default=default, metadata=row)


def checked(settings: SettingsT, changes: dict[str, Any]) -> SettingsT:
    """The settings with `changes` applied; ValueError with one sentence for the first value that is not allowed.

    Integers are accepted for numbers and strings: ROS parses `-p hand_scale:=1` and `-p source:=0` as integers.
    """
    rows = {row.name: row for row in fields(settings)}
    return replace(settings, **{name: _checked(rows[name], value) for name, value in changes.items()})


def take_overrides(node: Node) -> dict[str, Any]:
    """Names and values that the user set at start; undeclares them, so that `declare` and qos_overrides can.

    The node must be made with automatically_declare_parameters_from_overrides: ROS offers no other list of them, and
    does not report a parameter that nobody declares.
    """
    given = {name: parameter.value for name, parameter in node.get_parameters_by_prefix("").items()}
    given = {name: value for name, value in given.items() if name not in BUILT_IN}
    for name in given:
        node.undeclare_parameter(name)
    return given


def declare(node: Node, settings: SettingsT, given: dict[str, Any]) -> SettingsT:
    """Declares every field of `settings` on the node, and returns the settings with the given values.

    ValueError with one sentence for a value that is not allowed.
    """
    rows = fields(settings)
    started = checked(settings, {row.name: given[row.name] for row in rows if row.name in given})
    for row in rows:
        node.declare_parameter(row.name, getattr(started, row.name), _descriptor(row), ignore_override=True)
    return started


def refuse_undeclared(node: Node, given: dict[str, Any]) -> None:
    """Raises ValueError with one sentence for a name given to this node that is undeclared after all declarations.

    Names in a shared section of a parameter file may belong to other nodes: these are only logged.
    """
    files, others = GivenParameters(node.get_fully_qualified_name()), []
    for sentence in files.ignored:
        node.get_logger().warning(one_line(sentence))
    for name in given:
        if node.has_parameter(name):
            continue
        if name not in files.shared:
            raise ValueError(unknown(node, name))
        if _resembling(node, name, 0.85):
            node.get_logger().warning(one_line(f"ignored in a shared section: {unknown(node, name)}"))
        else:
            others.append(name)
    if others:
        node.get_logger().info(one_line(f"parameters of other nodes in shared sections: {', '.join(sorted(others))}"))


def unknown(node: Node, name: str) -> str:
    """The sentence about a name that is not a parameter of the node."""
    close = _resembling(node, name, 0.6)
    known = (known for known in node.get_parameters_by_prefix("") if not known.startswith("qos_overrides"))
    hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}"
    return f"there is no parameter {one_line(name, 100)}: {hint}"


def _resembling(node: Node, name: str, likeness: float) -> list[str]:
    if len(name) > LONGEST_TEXT:  # comparison would take long
        return []
    return difflib.get_close_matches(name, node.get_parameters_by_prefix(""), n=1, cutoff=likeness)


def as_declared(node: Node, parameter: Parameter) -> Parameter:
    """The parameter, with a whole number converted to the declared number or text, as `checked` does at start."""
    declared = node.get_parameter(parameter.name).type_
    if parameter.type_ == Parameter.Type.INTEGER and declared in _FROM_INTEGER:
        return Parameter(parameter.name, declared, _FROM_INTEGER[declared](parameter.value))
    return parameter


def change(settings: SettingsT, parameters: list[Parameter]) -> SettingsT:
    """The settings with the ROS parameters that belong to them; raises ValueError as `checked` does."""
    names = {row.name for row in fields(settings)}
    return checked(settings, {parameter.name: parameter.value for parameter in parameters if parameter.name in names})


def _checked(row: Any, value: Any) -> Any:
    wanted = type(row.default)
    if wanted in (float, str) and type(value) is int:
        value = wanted(value)
    if type(value) is not wanted:
        raise ValueError(one_line(f"{row.name} is {value!r}, must be {_TYPES[wanted]}"))
    if wanted is str and len(value) > LONGEST_TEXT:
        raise ValueError(f"{row.name} has {len(value)} characters, must have at most {LONGEST_TEXT}")
    low, high, choices = (row.metadata[key] for key in ("low", "high", "choices"))
    if choices and value not in choices:
        raise ValueError(f"{row.name} is {value!r}, must be one of {', '.join(choices)}")
    if low is not None and not low <= value <= high:  # NaN is outside every range
        raise ValueError(f"{row.name} is {value:g}, must lie between {low:g} and {high:g}")
    return value


def _descriptor(row: Any) -> ParameterDescriptor:
    about = row.metadata
    descriptor = ParameterDescriptor(description=about["description"], read_only=about["read_only"])
    if about["choices"]:
        descriptor.additional_constraints = f"one of {', '.join(about['choices'])}"
    low, high = about["low"], about["high"]
    if low is not None and isinstance(row.default, float):
        descriptor.floating_point_range = [FloatingPointRange(from_value=float(low), to_value=float(high))]
    elif low is not None:
        descriptor.integer_range = [IntegerRange(from_value=int(low), to_value=int(high))]
    return descriptor
