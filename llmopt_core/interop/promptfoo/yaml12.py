"""YAML as promptfoo reads it: by version 1.2, in which `no`, `on` and `12:30` are texts and `010` is ten."""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import Any

import yaml

from llmopt_core.errors import BadInput
from llmopt_core.text.bounded_yaml import BoundedLoader

# Values when unfolded; a file of 20 MB with aliases could stand for billions.
MAX_VALUES = 2_000_000

# Only these: `yes`, `no`, `on` and `off` are texts in version 1.2.
_BOOLEAN = re.compile(r"true|True|TRUE|false|False|FALSE")
# The empty pattern at the end is a key with nothing behind it.
_NULL = re.compile(r"~|null|Null|NULL|")
# With signs and underscores, as js-yaml takes them, which promptfoo reads with; the last sign must be no underscore.
# Each kind begins otherwise, so nothing is tried twice at length.
_WHOLE = re.compile(r"[-+]?(?:0b[01][01_]*|0o[0-7][0-7_]*|0x[0-9a-fA-F][0-9a-fA-F_]*|[0-9][0-9_]*)(?<!_)")
# 1.5, 1e3, .5, .inf. Parts are told apart by the point and the e, so no digit can belong to two of them.
_FRACTION = re.compile(
    r"[-+]?(?:[0-9][0-9_]*(?:\.[0-9_]*)?(?:[eE][-+]?[0-9]+)?|\.[0-9_]+(?:[eE][-+]?[0-9]+)?|\.(?:inf|Inf|INF))(?<!_)"
    r"|\.(?:nan|NaN|NAN)"
)
_BASES = {"0b": 2, "0o": 8, "0x": 16}
# Longer numbers are nobody's, and reading one takes time by the square of its length.
_MOST_DIGITS = 400


NOT_FINITE = ("Infinity", "-Infinity", "NaN")


class _Loader(BoundedLoader):
    """PyYAML follows version 1.1; its rules for plain scalars are replaced, and no key may stand twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """The value of a mapping."""
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode) and key.value != "<<"]
        duplicate = next((key for key, count in Counter(keys).items() if count > 1), None)
        # With a merge (`<<`) a key may stand again on purpose, over the merged one.
        if duplicate is not None and not any(key.value == "<<" for key, _ in node.value):
            raise yaml.constructor.ConstructorError(None, None, f"the key {duplicate!r} stands twice", node.start_mark)
        return super().construct_mapping(node, deep)


# Emptied, for the rules of version 1.1 would otherwise be tried first.
_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("bool", _BOOLEAN, "tTfF"),
    ("int", _WHOLE, "-+0123456789"),
    ("float", _FRACTION, "-+0123456789."),
    ("null", _NULL, ["~", "n", "N", ""]),
    ("merge", re.compile("<<"), "<"),
):
    # Registered by first character, as PyYAML asks only the rules of that one. The end is marked, since it uses
    # `match`.
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"(?:{_pattern.pattern})$"), list(_first))


def _text_of(loader: yaml.SafeLoader, node: yaml.Node) -> str:
    # The type of the node is sure: rules hold for plain scalars alone.
    text = str(loader.construct_scalar(node)).replace("_", "")  # type: ignore[arg-type]
    if len(text) > _MOST_DIGITS:
        raise ValueError("a number of more digits than any number here has")
    return text


def _whole(loader: yaml.SafeLoader, node: yaml.Node) -> int:
    text = _text_of(loader, node)
    sign = -1 if text.startswith("-") else 1
    digits = text.lstrip("+-")
    # "010" is ten and not eight: `int` with base 10 takes leading zeros.
    base = _BASES.get(digits[:2], 10)
    return sign * int(digits if base == 10 else digits[2:], base)


def _fraction(loader: yaml.SafeLoader, node: yaml.Node) -> float | int | str:
    number = float(_text_of(loader, node).lower().replace(".inf", "inf").replace(".nan", "nan"))
    if not math.isfinite(number):
        # JSON, in which all is kept, has no such numbers; this is how JavaScript writes them into a prompt.
        return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"
    # JavaScript has one kind of number: it writes 1e3 as 1000.
    # Above 2**53 a float no longer holds every whole number.
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


_Loader.add_constructor("tag:yaml.org,2002:int", _whole)
_Loader.add_constructor("tag:yaml.org,2002:float", _fraction)
# JSON, in which all of it is kept, has neither bytes nor dates nor sets.
for _tag, _plain in (("binary", "str"), ("timestamp", "str"), ("set", "map")):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_tag}", _Loader.yaml_constructors[f"tag:yaml.org,2002:{_plain}"])


def parse_yaml(text: str, source: str) -> Any:
    """The value of YAML (or JSON) text.

    Raises:
        BadInput: It is not valid; names source and line.
    """
    try:
        value = yaml.load(text, _Loader)  # noqa: S506 (a SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark is not None else ""
        raise BadInput(f"{source}{line} is not valid YAML: {getattr(error, 'problem', None) or error}.") from error
    except (RecursionError, ValueError) as error:
        raise BadInput(f"{source} is not valid YAML: it is nested too deeply or holds an impossible value.") from error
    if not _is_small(value):
        raise BadInput(f"{source} unfolds to more than {MAX_VALUES:,} values, by its size or by references to itself.")
    return value


def _is_small(value: Any) -> bool:
    """Whether a value stays within the limit when every reference in it is followed."""
    # Counted with a list instead of a recursion, so depth does not matter; aliases to itself end at the limit.
    waiting, count = [value], 0
    while waiting and count <= MAX_VALUES:
        count += 1
        part = waiting.pop()
        if isinstance(part, dict):
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)
    return count <= MAX_VALUES
