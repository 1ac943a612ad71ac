"""What jobs are called, so that their names say what is inside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_KINDS = {
    "evaluation": "Evaluating",
    "evaluation-resume": "Evaluating",
    "estimate": "Trying a few questions of",
    "comparison": "Comparing",
    "chunk-sweep": "Sweep of",
    "question-writing": "Writing questions",
    "distillation": "A larger model answers questions",
    "training-pairs": "Making training pairs of",
    "retrieval-measure": "Measuring the retrieval of",
    "leave-one-out": "Leaving out parts of",
    "chunk-count-sweep": "More chunks for",
    "retrieval-look": "Looking up a question with",
    "few-shot-worth": "Leaving out examples of",
    "few-shot-choice": "Choosing examples of",
    "instruction-search": "Searching for a better instruction",
    "embedder-before-after": "Measuring",
    "fine-tuning start": "Sending the data of",
}
_WHOLE = frozenset({"instruction-search"})
"""Kinds whose words say all: what they name besides is the same for all of them."""
_PILOT = "-estimate"
_NAMES = ("configurations", "variants", "configuration", "name", "subject", "settings")
_SETS = ("evaluation_set", "questions", "set")


def job_title(kind: str, arguments: Mapping[str, Any]) -> str:
    """Such as `Evaluating baseline, rag on questions`.

    Args:
        kind: Of the job.
        arguments: What it was asked to do.
    """
    pilot = kind.endswith(_PILOT) and kind not in _KINDS
    words = "Trying a few questions of" if pilot else _KINDS.get(kind, kind.replace("-", " ").capitalize())
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
