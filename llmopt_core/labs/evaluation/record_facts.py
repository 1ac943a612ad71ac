"""What is known of one record: the same from the store and from a file that `evaluate --json` wrote."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from llmopt_core.answering.finish_reason import describe_finish
from llmopt_core.errors import BadInput
from llmopt_core.evaluation.assertions.columns import assertions_of, labels
from llmopt_core.retrieval.analysis.inspect import candidate_rank, columns
from llmopt_core.types import Chunk, Example, Failure, Record, Span

Candidates = tuple[tuple[Chunk, ...], ...]


@dataclass(frozen=True, slots=True)
class RecordFacts:
    """One record, with what is not known as None.

    Attributes:
        answer: None where there is none.
        right_answers: The reference and its alternatives; empty where none is known.
        sources: Where the right answer stands; empty where nobody said.
        contexts: What the model was given, in order; None where the file does not say.
        candidates: What each stage of retrieval had, best first, in the order of the stages; None where no trace is
            kept.
        candidate_ranks: Of each source, in their order, the rank in the last stage that had it; None where nobody knows
            the candidates.
        scores: Metric or assertion -> value; only those that have one.
        assertion_types: Name of an assertion's score -> its type.
        unsupported_claims: Claims that the fact check found no support for; None where there was none.
        ending: Why the answer ended, where it did not just end.
        not_run: Why the question was not asked; empty where it was.
    """

    example_id: str
    question: str = ""
    answer: str | None = None
    right_answers: tuple[str, ...] = ()
    category: str | None = None
    sources: tuple[Span, ...] = ()
    contexts: tuple[Chunk, ...] | None = None
    candidates: Candidates | None = None
    candidate_ranks: tuple[int | None, ...] | None = None
    scores: Mapping[str, float] = field(default_factory=dict)
    assertion_types: Mapping[str, str] = field(default_factory=dict)
    unsupported_claims: tuple[str, ...] | None = None
    failure: Failure | None = None
    finish_reason: str = ""
    ending: str = ""
    not_run: str = ""


def facts_of(record: Record, *, retrieves: bool | None = True) -> RecordFacts:
    """Of a stored record; read it with its trace.

    Args:
        record: Of a run.
        retrieves: Whether its configuration retrieves; without, no trace is expected. None where nobody knows, as of
            another tool's run whose files show no chunk.
    """
    example, answer = record.example, record.answer
    stages = columns(record.trace)
    # A configuration that searches nothing has no candidates, which is known; a lost trace is not.
    is_traced = bool(stages) or retrieves is False
    hits = answer.hits if answer else ()
    return RecordFacts(
        example.id,
        example.question,
        answer.text if answer else None,
        example.right_answers,
        example.category,
        example.references,
        tuple(hit.chunk for hit in hits) if answer and (hits or retrieves is not None) else None,
        tuple(tuple(hit.chunk for hit in one.stage.hits) for one in stages) if is_traced else None,
        tuple(candidate_rank(record.trace, source) for source in example.references) if is_traced else None,
        _known_values({name: score.value for name, score in record.scores.items()}),
        _assertion_types(example),
        # The fact check ran where it left verdicts; an empty tuple may as well mean that there is no fact check.
        tuple(claim.statement for claim in answer.claims if claim.verdict is False)
        if answer and answer.claims
        else None,
        record.failure,
        answer.finish_reason if answer else "",
        describe_finish(answer),
        record.not_run,
    )


def facts_from(values: Mapping[str, Any]) -> RecordFacts:
    """Of a record in a file that `evaluate --json` wrote; what the file lacks is unknown."""
    references = _mappings(values.get("references"))
    sources = [(span, one.get("candidate_rank")) for one in references if (span := _span(one)) is not None]
    answer, contexts = values.get("answer"), values.get("contexts")
    # Written by those versions that look at the traces: without it a missing rank means that nobody looked.
    has_ranks = isinstance(values.get("candidates"), int) and not isinstance(values.get("candidates"), bool)
    scores = values.get("scores") or {}
    failure = _failure(values.get("failure"))
    return RecordFacts(
        str(values.get("example_id", "")),
        str(values.get("question") or ""),
        answer if isinstance(answer, str) else None,
        _right_answers(values),
        str(values["category"]) if values.get("category") not in (None, "") else None,
        tuple(span for span, _ in sources),
        tuple(map(_chunk, _mappings(contexts))) if isinstance(contexts, list) else None,
        None,
        tuple(_rank(rank) for _, rank in sources) if has_ranks else None,
        _known_values({str(name): score.get("value") for name, score in scores.items() if isinstance(score, Mapping)}),
        {str(name): _assertion_type(str(name)) for name in scores},
        None,
        failure,
        str(values.get("finish_reason") or ""),
        str(values.get("ending") or ""),
        "" if isinstance(answer, str) or failure else _first_reason(scores),
    )


def _known_values(values: Mapping[str, Any]) -> dict[str, float]:
    return {
        name: float(value) for name, value in values.items() if isinstance(value, int | float) and math.isfinite(value)
    }


def _assertion_types(example: Example) -> dict[str, str]:
    try:
        assertions = assertions_of(example)
    # The record has failed of it, or was graded before the set was edited; its scores stand all the same.
    except BadInput:
        return {}
    types = [f"not {one.type}" if one.negate else one.type for one in assertions]
    return dict(zip(labels(assertions), types, strict=True))


def _assertion_type(name: str) -> str:
    """As the label of an assertion without a name of its own says it, such as `regex: [0-9]+`."""
    return name.partition(":")[0].partition(" (")[0].strip()


def _first_reason(scores: Mapping[str, Any]) -> str:
    texts = (score.get("failure") for score in scores.values() if isinstance(score, Mapping))
    return next((text for text in texts if isinstance(text, str) and text), "")


def _right_answers(values: Mapping[str, Any]) -> tuple[str, ...]:
    more = values.get("right_answers")
    texts = [values.get("reference"), *(more if isinstance(more, list) else [])]
    return tuple(dict.fromkeys(text for text in texts if isinstance(text, str)))


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def _span(values: Mapping[str, Any]) -> Span | None:
    document, start, end = values.get("document"), values.get("start"), values.get("end")
    if not isinstance(document, str) or not isinstance(start, int) or not isinstance(end, int):
        return None
    return Span(document, start, end)


def _chunk(values: Mapping[str, Any]) -> Chunk:
    text = str(values.get("text") or "")
    # A file of another tool has texts alone: a chunk of no document overlaps no source, so only its text counts.
    span = _span(values) or Span("", 0, 0)
    return Chunk(span.document, span.start, span.end, text)


def _rank(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _failure(value: Any) -> Failure | None:
    if not isinstance(value, Mapping):
        return None
    return Failure(*(str(value.get(name) or "") for name in ("stage", "kind", "message")))


def facts_of_all(records: Iterable[Record], *, retrieves: bool | None = True) -> list[RecordFacts]:
    """Of the stored records of a run, read with their traces."""
    return [facts_of(record, retrieves=retrieves) for record in records]


def facts_from_run(run: Mapping[str, Any]) -> list[RecordFacts]:
    """Of the records of one run of a result file."""
    all_facts = [facts_from(record) for record in run["records"]]
    if run_retrieves(run):
        return all_facts
    # Nothing was searched, so that there were no candidates is known.
    return [
        replace(facts, candidates=(), candidate_ranks=(None,) * len(facts.sources)) if facts.contexts == () else facts
        for facts in all_facts
    ]


def run_retrieves(run: Mapping[str, Any]) -> bool:
    """Whether a run of a result file retrieves: as it says itself, else as its records look."""
    stored_flag = run.get("uses_documents")
    return stored_flag if isinstance(stored_flag, bool) else any(record.get("contexts") for record in run["records"])
