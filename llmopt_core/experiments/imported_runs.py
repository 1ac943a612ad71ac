"""Runs that another tool made: what is known of them, in words, and what must not be done with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any

from llmopt_core.errors import BadInput
from llmopt_core.runs.values import PerQuestion, Run
from llmopt_core.types.grouping import group_values

IMPORTED_JUDGE = "each tool's own graders"
"""Who graded imported runs. One word for all of them, so that runs of two tools over the same questions can be opened
together; their metrics carry the tools' names, so that they are not taken for each other."""


@dataclass(frozen=True, slots=True)
class ImportSource:
    """Where an imported run comes from, as it is stored with the run and written to results.

    Attributes:
        tool: Its name; `version` is empty where the file does not say it.
        files: Names of the files without their folders.
        model: Which model answered; empty where no file says it.
        details: What else is known of the configuration.
        missing: What no file says, in words.
        notes: What was read otherwise than one may expect.
        repeats: The most answers to one question.
        judges: Models that graded, where the files name them.
        has_tokens: Whether tokens are known; `has_seconds`, `has_date`, `has_answers` and `has_contexts` likewise.
    """

    tool: str
    version: str = ""
    files: tuple[str, ...] = ()
    model: str = ""
    details: Mapping[str, str] | None = None
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    repeats: int = 1
    judges: tuple[str, ...] = ()
    has_tokens: bool = False
    has_seconds: bool = False
    has_date: bool = False
    has_answers: bool = True
    has_contexts: bool = False

    @property
    def words(self) -> str:
        """`imported from promptfoo`."""
        return "imported from a table" if self.tool == "table" else f"imported from {self.tool}"

    @property
    def sentence(self) -> str:
        """What must be said beside the numbers of such a run."""
        gaps = f"; not in its files: {', '.join(self.missing)}" if self.missing else ""
        repeats = f"; scores are means over {self.repeats} answers to a question" if self.repeats > 1 else ""
        return f"{self.words}{repeats}{gaps}."

    @property
    def configuration(self) -> str:
        """What is known of how it answered, in words; else where it was imported from."""
        facts = [f"model {self.model}"] if self.model else []
        facts += [f"{name} {value}" for name, value in (self.details or {}).items()]
        return ", ".join(facts) or self.words


def import_source(facts: Any) -> ImportSource | None:
    """The source that is stored with a run, or stands in a result; None for runs of our own."""
    if not isinstance(facts, Mapping) or not isinstance(facts.get("tool"), str):
        return None
    details = facts.get("details")
    return ImportSource(
        facts["tool"],
        _text(facts.get("version")),
        _texts(facts.get("files")),
        _text(facts.get("model")),
        {str(name): str(value) for name, value in details.items()} if isinstance(details, Mapping) else {},
        _texts(facts.get("missing")),
        _texts(facts.get("notes")),
        facts["repeats"] if isinstance(facts.get("repeats"), int) else 1,
        _texts(facts.get("judges")),
        **{name: facts.get(name) is True for name in _KNOWN},
    )


_KNOWN = ("has_tokens", "has_seconds", "has_date", "has_answers", "has_contexts")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list | tuple) else ()


def judge_of_runs(runs: Sequence[Run]) -> str:
    """Who graded runs that are shown together: of imported ones the tools, and the models that graded in them."""
    sources = [source for run in runs if (source := import_source(run.imported)) is not None]
    if not sources or len(sources) < len(runs):
        return next((run.judge for run in runs if not run.imported), "")
    return ", ".join(dict.fromkeys(_judge(source) for source in sources))


def _judge(source: ImportSource) -> str:
    return f"{source.tool} with {', '.join(source.judges)}" if source.judges else source.tool


def take_turns(metrics: Sequence[str]) -> list[str]:
    """Metrics of several tools in turns, so that the first ones are of all of them."""
    by_tool = group_values((metric.rpartition(" (")[2], metric) for metric in metrics)
    return [metric for turn in zip_longest(*by_tool.values()) for metric in turn if metric is not None]


def known_per_question(each: PerQuestion, run: Run) -> PerQuestion:
    """What a question takes, without what the files of an imported run do not say."""
    source = import_source(run.imported)
    if source is None:
        return each
    return replace(
        each,
        tokens=each.tokens if source.has_tokens else None,
        seconds=each.seconds if source.has_seconds else None,
    )


def check_not_imported(run: Run) -> None:
    """Refuse to go on with a run that another tool made.

    Raises:
        BadInput: It is such a run.
    """
    source = import_source(run.imported)
    if source is not None:
        raise BadInput(
            f"Run {run.id} of {run.name} was {source.words}, so it cannot be gone on with here; run it again there, "
            "and import the new file."
        )
