"""YAML of plain values that can neither fill memory nor hold what cannot be stored."""

from __future__ import annotations

import math
from typing import Any

import yaml

from llmopt_core.text.valid_text import fault_of

# Far above any real file. Thirty levels that merge the one before twice would make a thousand million keys of thirty
# lines.
_MERGED_KEYS = 10_000
# `1:59:59:...` is a number to YAML 1.1, and Python takes quadratic time for it.
_DIGITS = 1_000


class BoundedLoader(yaml.SafeLoader):
    """PyYAML's safe loader without its traps.

    A question mark in `{question: Who came?}` is text, as in YAML 1.2. Merge keys that double at each level, numbers in
    base 60 without end, `.nan` and `.inf`, and half characters raise a `ConstructorError` that knows its line.
    """

    def scan_plain(self) -> yaml.ScalarToken:
        """A text without quotes. PyYAML ends it at a question mark between brackets."""
        # It goes on where PyYAML stopped: at `?` within brackets, which YAML 1.1 takes for the mark of a key.
        token = super().scan_plain()
        value, end = token.value, token.end_mark
        while self.flow_level and (self.peek() == "?" or (self.peek() == "#" and end.index == self.index)):
            value += ("" if end.index == self.index else " ") + self.peek()
            self.forward()
            end = self.get_mark()
            spaces = self.scan_plain_spaces(self.indent + 1, token.start_mark) or ()
            more = super().scan_plain()
            if more.value:
                value, end = value + "".join(spaces) + more.value, more.end_mark
            # A real end: a bracket, a comma, or a comment, which needs a space before its mark.
            elif self.peek() != "?" and (spaces or self.peek() != "#"):
                break
        return yaml.ScalarToken(value, True, token.start_mark, end)

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Take in what `<<` names."""
        # Each level is bounded by itself, so the levels above it never grow.
        super().flatten_mapping(node)
        if len(node.value) > _MERGED_KEYS:
            raise _wrong(node, f"more than {_MERGED_KEYS:,} keys are merged into one mapping")

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """The value of a node."""
        # Only scalars hold the traps; lists and mappings come back here for each of their parts.
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, deep)
        return super().construct_object(node, deep)

    def _scalar(self, node: yaml.ScalarNode, deep: bool) -> Any:
        # Before it is made: making it is what takes long.
        if node.tag.endswith((":int", ":float")) and len(node.value) > _DIGITS:
            raise _wrong(node, "an impossible value: a number of too many digits")
        try:
            value = super().construct_object(node, deep)
        # `2024-13-45` is a date to YAML and none to Python: an exception without a line.
        except (ValueError, OverflowError) as error:
            kind = node.tag.rpartition(":")[2]
            raise _wrong(node, f"{node.value[:40]!r} is no {kind}; put it in quotes where it is a text") from error
        if isinstance(value, float) and not math.isfinite(value):
            raise _wrong(node, f"{node.value} is no number that can be used")
        # YAML's `"\ud83d"` is half a character, which no database takes.
        if isinstance(value, str) and (fault := fault_of(value)):
            raise _wrong(node, fault)
        return value


def _wrong(node: yaml.Node, problem: str) -> yaml.YAMLError:
    return yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
