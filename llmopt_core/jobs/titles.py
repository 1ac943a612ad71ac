"""What jobs are called, so that their names say what is inside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmopt_core.jobs.kind import JobKinds

_WHOLE = frozenset({"instruction-search"})
"""Kinds whose words say all: what they name besides is the same for all of them."""
_NAMES = ("configurations", "variants", "configuration", "name", "subject", "settings")
_SETS = ("evaluation_set", "questions", "set")


def job_title(kinds: JobKinds, kind: str, arguments: Mapping[str, Any]) -> str:
    """Such as `Evaluating baseline, rag on questions`.

    Args:
        kinds: All there are; the words of one that is not among them are made from its name.
        kind: Of the job.
        arguments: What it was asked to do, as any version of the program has stored it.
    """
    words = kinds.kind(kind).title if kind in kinds else kind.replace("-", " ").capitalize()
    named = () if kind in _WHOLE else _NAMES
    inside = _inside(next((arguments[name] for name in named if arguments.get(name)), ""))
    asked = next((str(arguments[name]) for name in _SETS if isinstance(arguments.get(name), str)), "")
    return " ".join(part for part in (words, inside, f"on {asked}" if asked else "") if part).removesuffix(" of")


def _inside(value: object) -> str:
    if isinstance(value, int):
        return f"{value:,} settings"
    if isinstance(value, (list, tuple)):
        return ", ".join(_name(one) for one in value)
    return _name(value)


def _name(value: object) -> str:
    return str(value.get("name", "")) if isinstance(value, Mapping) else str(value)
