"""Templates: render them within limits, and say which variables they use."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from jinja2 import meta, nodes
from pydantic import BaseModel

from llmopt_core.errors import BadInput
from llmopt_core.prompts.renderers import render_in_child
from llmopt_core.prompts.sandbox import (
    ENVIRONMENT,
    MISSING_IS_EMPTY,
    TemplateRefusal,
    parse_template,
    refusal,
    render_here,
)

MAX_CHARS = 2_000_000  # More than the largest context of a model holds.
# A template may loop for ever; real ones take milliseconds.
SECONDS = 2.0  # Of CPU time.
# Compiling takes about 0.1 ms per place to fill in.
FEW_PLACES = 1000


def render(
    template: str,
    variables: Mapping[str, Any],
    *,
    max_chars: int = MAX_CHARS,
    seconds: float = SECONDS,
) -> str:
    """Fill a Jinja2 template with data. What stands in a variable is never executed.

    Args:
        template: The Jinja2 text. A line break at its end is kept.
        variables: Values by name. Anything that is not text, number, list or mapping is rendered as its text.
        max_chars: Upper limit for the result.
        seconds: CPU time the template may take.

    Raises:
        BadInput: The template is wrong, uses a variable without a value, reaches for something forbidden, or goes
            over a limit. The message names the line and the variable.
    """
    # No objects of ours go in: their attributes and methods would be within reach of a template.
    data = {str(name): plain(value) for name, value in variables.items()}
    try:
        if is_simple(template):
            # No process for what can only do work in proportion to its data: most prompts, thousands of times in a run.
            return render_here(template, data, max_chars)
        return render_in_child(template, data, max_chars, seconds)
    except TemplateRefusal as error:
        raise BadInput(_in_words(error, data)) from error


def variables_in(template: str) -> set[str]:
    """Names that the template takes from outside.

    Raises:
        BadInput: It is not a template.
    """
    try:
        return set(_variables_in(template))
    except TemplateRefusal as error:
        raise BadInput(_in_words(error, {})) from error


def allow_missing(template: str) -> str:
    """The template, marked where it may meet nothing inside a value, or by `a if b` and no else: written as nothing.

    Raises:
        BadInput: It is not a template.
    """
    # Called for its error: a template that is wrong is refused before it is marked.
    variables_in(template)
    lookups = parse_template(template).find_all((nodes.Getattr, nodes.Getitem, nodes.CondExpr))
    may_miss = any(not isinstance(node, nodes.CondExpr) or node.expr2 is None for node in lookups)
    return MISSING_IS_EMPTY + template if may_miss and not template.startswith(MISSING_IS_EMPTY) else template


def find_undefined_names(template: str, variables: Iterable[str]) -> set[str]:
    """Names that the template needs and that are not among the known ones.

    A name that the template itself allows to be missing (`{% if name %}`, `is defined`, `default`, `name or other`) is
    not needed.
    """
    # A name that is tested once and inserted elsewhere counts as optional: rather a warning too few than one that is
    # wrong.
    names = variables_in(template) - set(_optional_in(template))
    return names - set(variables)


def find_unused_names(templates: Iterable[str], variables: Iterable[str]) -> set[str]:
    """Known names that none of the templates uses."""
    names = set().union(*(variables_in(template) for template in templates))
    return set(variables) - names


def renders_at_once(template: str) -> bool:
    """Whether rendering never waits for another process. A template that is wrong fails at once, too."""
    try:
        return is_simple(template)
    except TemplateRefusal:
        return True


# More templates than a comparison has; every question of a run asks for the same few.
@lru_cache(maxsize=256)
def is_simple(template: str) -> bool:
    """Whether a template can only do work in proportion to its data: insert values, test them, loop over them once.

    Such templates are rendered at once; all others, in a child process.

    Raises:
        TemplateRefusal: It is not a template.
    """
    return template.count("{") <= FEW_PLACES and _is_simple(parse_template(template), in_loop=False)


# No filters, calls or operators: `"x" * 10**10` and `range(10**9)` are made of those.
_INSERTING = (nodes.Output, nodes.TemplateData, nodes.Name, nodes.Getattr, nodes.Const, nodes.If, nodes.Not)


def _is_simple(node: nodes.Node, in_loop: bool) -> bool:
    if isinstance(node, nodes.For):
        # Loops within loops multiply their work.
        if in_loop or node.recursive:
            return False
        in_loop = True
    elif not isinstance(node, (nodes.Template, *_INSERTING)):
        return False
    return all(_is_simple(child, in_loop) for child in node.iter_child_nodes())


@lru_cache(maxsize=256)
def _variables_in(template: str) -> frozenset[str]:
    # What `meta.find_undeclared_variables` does, without its optimizer: that computes constants, however large.
    tracker = meta.TrackingCodeGenerator(ENVIRONMENT)
    tracker.optimizer = None
    try:
        tracker.visit(parse_template(template))
    except TemplateRefusal:
        raise
    except Exception as error:
        raise refusal(error) from error
    return frozenset(tracker.undeclared_identifiers)


@lru_cache(maxsize=256)
def _optional_in(template: str) -> frozenset[str]:
    tree = parse_template(template)
    optional_nodes: list[nodes.Node | None] = []
    optional_nodes += [n.node for n in tree.find_all(nodes.Filter) if n.name in ("default", "d")]
    optional_nodes += [n.node for n in tree.find_all(nodes.Test) if n.name in ("defined", "undefined")]
    # `name or other`: only what stands left may be missing.
    optional_nodes += [n.left for n in tree.find_all(nodes.Or)]
    conditions = [n.test for n in tree.find_all(nodes.If)] + [n.test for n in tree.find_all(nodes.CondExpr)]
    for condition in conditions:
        optional_nodes += _condition_values(condition)
    return frozenset(node.name for node in optional_nodes if isinstance(node, nodes.Name))


def _condition_values(test: nodes.Node) -> Iterator[nodes.Node]:
    """The values whose truth decides a condition."""
    if isinstance(test, nodes.And | nodes.Or):
        yield from _condition_values(test.left)
        yield from _condition_values(test.right)
    elif isinstance(test, nodes.Not):
        yield from _condition_values(test.node)
    else:
        yield test


def plain(value: Any) -> Any:
    """The value as text, number, list or mapping, so that a template meets data and no objects."""
    # `type`: a subclass of str may have methods of its own; it becomes plain text at the end.
    if value is None or type(value) in (str, int, float, bool):
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, BaseModel):
        return plain(value.model_dump(mode="json"))
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    return str(value)


def _in_words(error: TemplateRefusal, data: Mapping[str, Any]) -> str:
    where = f" (line {error.line})" if error.line else ""
    if error.kind == "undefined":
        variables = ", ".join(sorted(data)) or "none"
        return f"The template uses something without a value{where}: {error.message}. Its variables are: {variables}."
    if error.kind == "syntax":
        return f"The template is not valid Jinja2{where}: {error.message}."
    if error.kind == "forbidden":
        return f"The template asks for something that is not allowed{where}: {error.message}."
    if error.kind in ("size", "time"):
        return f"The template {error.message}{where}."
    return f"The template cannot be rendered{where}: {error.message}."
