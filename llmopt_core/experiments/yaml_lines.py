"""YAML that remembers on which line each value stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import yaml

from llmopt_core.documents import limits
from llmopt_core.documents.guard import run_within_limits
from llmopt_core.documents.progress import OnPart, ignore_parts
from llmopt_core.errors import BadInput
from llmopt_core.text.bounded_yaml import BoundedLoader
from llmopt_core.text.valid_text import fault_of

Path = tuple[str | int, ...]

# Deeper nesting than any file that people write; it ends files made to exhaust the stack.
_DEEPEST = 40
# Aliases can stand for billions of values in a few lines.
_MOST_NODES = 200_000


@dataclass(frozen=True)
class LocatedValue:
    """A plain value with the line of each of its parts.

    Attributes:
        value: Mappings, lists and scalars.
        lines: 1-based line by path; the line of a mapping's key where the path ends in one.
        source: The file's name.
    """

    value: Any
    lines: dict[Path, int] = field(default_factory=dict)
    source: str = ""

    def line(self, path: Path) -> int:
        """The line of a path, or of the nearest part above it that is in the file."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def at(self, *path: str | int) -> LocatedValue:
        """One part of it, with paths relative to the part."""
        value = self.value
        for step in path:
            value = value[step]
        depth = len(path)
        return LocatedValue(
            value, {p[depth:]: line for p, line in self.lines.items() if p[:depth] == path}, self.source
        )

    def error(self, path: Path, message: str) -> BadInput:
        """An error that names file and line."""
        return BadInput(f"{self.source} line {self.line(path)}: {message}")


def read_yaml(text: str, source: str) -> LocatedValue:
    """Parse one YAML document of plain values.

    Raises:
        BadInput: It is not YAML, a key stands twice, or it holds more than plain values; names file and line.
    """
    # PyYAML is slow: a long text is read in a process of its own, which can be ended when it takes too long.
    if len(text) <= limits.YAML_AT_ONCE_BYTES:
        return _read(text, source)
    arguments = (text, source)
    result: LocatedValue = run_within_limits(
        source, _read, arguments, len(text), limits.YAML_SECONDS, advice="split it"
    )
    return result


def _read(text: str, source: str, _on_part: OnPart = ignore_parts) -> LocatedValue:
    try:
        loader = BoundedLoader(text)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        message = f"{source} line {line}: this is not a text file: it holds a character that YAML does not allow."
        raise BadInput(message) from error
    try:
        # The tree of nodes, before values are made of it: only nodes know their lines.
        node = loader.get_single_node()
        located_value = LocatedValue(None, {}, source)
        return LocatedValue(
            None if node is None else _Reader(loader, located_value).read(node, ()), located_value.lines, source
        )
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark is not None else 1
        problem = error.problem or "it cannot be read"
        raise BadInput(f"{source} line {line}: this is not valid YAML: {problem}.") from error
    except RecursionError as error:
        raise BadInput(f"{source}: this is nested too deeply.") from error
    finally:
        # The parser keeps references to itself; this lets its memory go at once.
        loader.dispose()


class _Reader:
    def __init__(self, loader: yaml.SafeLoader, source: LocatedValue) -> None:
        self._loader = loader
        self._source = source
        self._count = 0

    def read(self, node: yaml.Node, path: Path) -> Any:
        self._source.lines.setdefault(path, node.start_mark.line + 1)
        self._count += 1
        # Aliases may repeat a part inside itself, or so often that memory runs out.
        if len(path) > _DEEPEST or self._count > _MOST_NODES:
            raise self._source.error(path, "this is nested too deeply, or repeats itself too often.")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.read(item, (*path, i)) for i, item in enumerate(node.value)]
        return self._scalar(node, path)

    def _scalar(self, node: yaml.Node, path: Path) -> Any:
        try:
            value = self._loader.construct_object(node)
            if isinstance(value, str):
                # Half of a pair, as "\ud83d" in quotes makes one, has no UTF-8 and fails when it is stored.
                value.encode()
            return value
        except UnicodeEncodeError as error:
            raise self._source.error(path, "this text holds half of a character; write it out whole.") from error
        # `2026-02-30` looks like a date to PyYAML, and its constructors raise whatever Python does.
        except (ValueError, TypeError, AttributeError, OverflowError) as error:
            excerpt, kind = str(node.value)[:40], node.tag.rpartition(":")[2]
            raise self._source.error(path, f"{excerpt!r} cannot be read as {kind}; quote it if it is text.") from error

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        keys = [key for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        known_names: set[str] = set()
        for key in keys:
            name = self._key(key, path)
            if name in known_names:
                self._source.lines[*path, name] = key.start_mark.line + 1
                raise self._source.error(
                    (*path, name), f"the key {name} stands here a second time; remove one of them."
                )
            known_names.add(name)
        # After the check: what comes in by `<<` may stand here as well, and goes under it.
        self._loader.flatten_mapping(node)
        values: dict[str, Any] = {}
        for key, value in node.value:
            name = self._key(key, path)
            self._source.lines[*path, name] = key.start_mark.line + 1
            values[name] = self.read(value, (*path, name))
        return values

    def _key(self, node: yaml.Node, path: Path) -> str:
        if not isinstance(node, yaml.ScalarNode):
            self._source.lines[path] = node.start_mark.line + 1
            raise self._source.error(path, "a key must be a plain word.")
        if fault := fault_of(node.value):
            self._source.lines[path] = node.start_mark.line + 1
            raise self._source.error(path, f"a key cannot be used: {fault}.")
        return str(node.value)


def merge(base: LocatedValue, over: LocatedValue) -> LocatedValue:
    """`over` laid over `base`: mappings are merged at every depth, all else is replaced."""
    if not isinstance(base.value, dict) or not isinstance(over.value, dict):
        return over
    values = dict(base.value)
    lines = dict(base.lines)
    lines[()] = over.lines.get((), 1)
    for key in over.value:
        part = over.at(key)
        part = merge(base.at(key), part) if key in base.value else part
        values[key] = part.value
        # Lines of what was replaced would send an error to the wrong place.
        lines = {path: line for path, line in lines.items() if path[:1] != (key,)}
        lines.update({(key, *path): line for path, line in part.lines.items()})
    return LocatedValue(values, lines, over.source)
