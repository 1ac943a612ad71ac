"""What would have to change for a record to be right: the cause of its failure, as the rules need it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Literal

from llmopt_core.evaluation.text import tokens
from llmopt_core.experiments.grading import ASSERTIONS
from llmopt_core.labs.evaluation.adviser.cut_sources import is_cut
from llmopt_core.labs.evaluation.adviser.table_questions import is_table_question
from llmopt_core.labs.evaluation.correctness import is_content_right, is_refusal_text
from llmopt_core.labs.evaluation.failure_kinds import (
    FEW_WORDS,
    OFF_QUESTION_BELOW,
    Diagnosis,
    diagnose,
)
from llmopt_core.labs.evaluation.record_facts import RecordFacts
from llmopt_core.statistics.intervals import Summary, wilson_interval

Cause = Literal[
    "error",
    "no-knowledge",
    "table",
    "cut-source",
    "just-outranked",
    "outranked",
    "not-found",
    "not-given",
    "noisy-context",
    "too-much-context",
    "unsupported",
    "off-question",
    "refused",
    "format",
    "unread",
]
"""In the order of a question's way, so that of equally frequent ones the earlier comes first."""

# The talk's ranks for a reranker: what is handed over anyway above, and below it what no order would bring up.
RERANK_FROM, RERANK_TO = 4, 30
# A model that has to find the source among so many chunks is distracted by the others.
MANY_CHUNKS = 6
# Below it the mean of a metric is low; the same as on the pages, see `Summary`.
LOW_MEAN = 0.7
_HALF = 0.5
# Few words are far from any question (see `failure_kinds`). That is no excuse where all answers are: the built-in judge
# gives right ones of the sample project .53 on average; nor where right ones of the same run are near theirs.
_ALL_OFF, _NEAR = 0.5, 0.65
_CORRECTNESS = ("answer_f1", "exact_match", "semantic_similarity", ASSERTIONS)
# A metric by which more than this share of all records is bad with 95 % confidence, such as 10 of 30, is low in the run
# though the others raise its mean.
_MANY = 0.15
# Where nobody measured correctness and hardly an answer is right by its words, the references are written in another
# way than the answers: in another language, as notes, as stand-ins.
_HARDLY = 0.05


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of one record.

    Attributes:
        cause: None where it is right, or nobody can tell.
        is_failure: Whether it failed; a right answer may still be weak in a metric that is low in the whole run.
        is_decided: Whether it is known to be right or wrong.
        rank: Where its source stood, if that is known.
    """

    example_id: str
    cause: Cause | None
    is_failure: bool
    is_decided: bool
    rank: int | None = None


@dataclass(frozen=True, slots=True)
class Examination:
    """What became of the records of a run.

    Attributes:
        findings: One per record.
        given: How many chunks the model was given, typically; None where nobody says.
        open_count: Failures of which nobody can tell why.
    """

    findings: tuple[Finding, ...] = ()
    given: int | None = None
    open_count: int = 0

    def of(self, cause: Cause) -> list[Finding]:
        """The records of one cause."""
        return [finding for finding in self.findings if finding.cause == cause]


def without_claims_on_lookup(examination: Examination) -> Examination:
    """Of a run that another tool made, whose files do not say whether anything was looked up.

    What is wrong there may be so with the right text in front of the model.
    """
    findings = tuple(
        replace(finding, cause=None) if finding.cause == "no-knowledge" else finding for finding in examination.findings
    )
    open_count = examination.open_count + len(examination.of("no-knowledge"))
    return replace(examination, findings=findings, open_count=open_count)


@dataclass(frozen=True, slots=True)
class _Run:
    """What is looked at beside the record itself."""

    retrieves: bool
    low_metrics: frozenset[str] = field(default_factory=frozenset)
    excuses_few_words: bool = True


def examine(records: Sequence[RecordFacts], summaries: Mapping[str, Summary], *, retrieves: bool) -> Examination:
    """The cause of each record of a run.

    Args:
        records: Of the run.
        summaries: Its means; a metric whose interval lies below `LOW_MEAN` is low.
        retrieves: Whether its configuration hands over chunks.
    """
    low_metrics = _low_metrics(records, summaries)
    records = records if _has_fitting_references(records) else [replace(facts, right_answers=()) for facts in records]
    diagnoses = [diagnose(facts) for facts in records]
    run = _Run(retrieves, low_metrics, _excuses_few_words(records, diagnoses, summaries.get("answer_relevancy")))
    findings = tuple(_finding(*pair, run) for pair in zip(records, diagnoses, strict=True))
    counts = [len(facts.contexts) for facts in records if facts.contexts]
    open_count = sum(finding.is_failure and finding.cause is None for finding in findings)
    return Examination(findings, round(median(counts)) if counts else None, open_count)


def _low_metrics(records: Sequence[RecordFacts], summaries: Mapping[str, Summary]) -> frozenset[str]:
    """Those whose mean is surely low, and those by which surely many records are bad, whatever the mean."""
    by_mean = {name for name, one in summaries.items() if one.high is not None and one.high < LOW_MEAN}
    return frozenset(by_mean | {name for name in _WEAK_IN if _has_many_bad(records, name)})


def _has_many_bad(records: Sequence[RecordFacts], metric: str) -> bool:
    values = [facts.scores[metric] for facts in records if metric in facts.scores]
    bad_count = sum(value <= _HALF for value in values)
    return bool(values) and wilson_interval(bad_count, len(values))[0] > _MANY


def _has_fitting_references(records: Sequence[RecordFacts]) -> bool:
    if any(name in facts.scores for facts in records for name in _CORRECTNESS):
        return True
    verdicts = [is_content_right(facts) for facts in records if facts.answer is not None and facts.right_answers]
    return sum(verdict is True for verdict in verdicts) > _HARDLY * len(verdicts)


def _excuses_few_words(
    records: Sequence[RecordFacts], diagnoses: Sequence[Diagnosis], relevancy: Summary | None
) -> bool:
    if relevancy is not None and relevancy.high is not None and relevancy.high < _ALL_OFF:
        return False
    pairs = zip(records, diagnoses, strict=True)
    values = [
        facts.scores["answer_relevancy"] for facts, one in pairs if one.passed and "answer_relevancy" in facts.scores
    ]
    return not values or median(values) < _NEAR


def _finding(facts: RecordFacts, diagnosis: Diagnosis, run: _Run) -> Finding:
    # Supported and to the point is a pass where the words leave it open, unless retrieval missed a part of the answer.
    is_open = diagnosis.passed is None or (is_content_right(facts) is None and _misses_something(facts))
    is_failure = diagnosis.passed is False or (is_open and _is_bad(facts, run))
    is_decided = diagnosis.passed is not None or is_failure
    cause = _cause(facts, diagnosis, run) if is_failure else _weakest(facts, run)
    return Finding(facts.example_id, cause, is_failure, is_decided, diagnosis.position.rank)


def _misses_something(facts: RecordFacts) -> bool:
    return facts.scores.get("context_recall", 1.0) < LOW_MEAN


def _is_bad(facts: RecordFacts, run: _Run) -> bool:
    """Whether a record is a failure that its words leave open: a low score against a long reference in other words.

    Nor does a user who was told "I don't know" by a model that looks nothing up care whether it might have known.
    """
    value = facts.scores.get("answer_f1", facts.scores.get("semantic_similarity"))
    return (value is not None and value < _HALF) or (not run.retrieves and is_refusal_text(facts.answer or ""))


def _cause(facts: RecordFacts, diagnosis: Diagnosis, run: _Run) -> Cause | None:
    if facts.failure is not None:
        return "error" if "error" in diagnosis.reasons else "format"
    if is_content_right(facts):
        # The right words among many that nobody asked for.
        form: Cause = "off-question" if "off-question" in diagnosis.reasons else "format"
        return form if "wrong-format" in diagnosis.reasons else None
    if is_table_question(facts):
        return "table"
    if not run.retrieves:
        return _without_chunks(facts, diagnosis)
    return _of_retrieval(facts, diagnosis) or _of_reading(facts, diagnosis, run)


def _without_chunks(facts: RecordFacts, diagnosis: Diagnosis) -> Cause | None:
    if "wrong-format" in diagnosis.reasons:
        return "format"
    # What is wrong and was not looked up is not known; where no reference says that it is wrong, relevancy alone does.
    is_known = facts.right_answers or any(name in facts.scores for name in ("answer_f1", "exact_match"))
    is_refusal = "refused" in diagnosis.reasons or is_refusal_text(facts.answer or "")
    return "no-knowledge" if is_known or is_refusal else _if("off-question", diagnosis)


def _if(cause: Cause, diagnosis: Diagnosis) -> Cause | None:
    return cause if cause in diagnosis.reasons else None


def _of_retrieval(facts: RecordFacts, diagnosis: Diagnosis) -> Cause | None:
    """Why the source was not given, or not whole; None where it was."""
    position = diagnosis.position
    is_missing = position.place in ("candidate", "absent", "not-given")
    # A judge that finds all of the answer in the chunks has seen the whole of it.
    may_be_cut = is_missing or facts.scores.get("context_recall", 0.0) < LOW_MEAN
    if position.is_cut or (may_be_cut and is_cut(facts)):
        return "cut-source"
    if position.place == "candidate" and position.rank is not None and position.rank <= RERANK_TO:
        return "outranked" if position.rank >= RERANK_FROM else "just-outranked"
    if position.place in ("candidate", "absent"):
        return "not-found"
    return "not-given" if position.place == "not-given" or facts.scores.get("context_recall", 1.0) < _HALF else None


def _of_reading(facts: RecordFacts, diagnosis: Diagnosis, run: _Run) -> Cause | None:
    """What the model made of chunks that hold the source."""
    position = diagnosis.position
    if "wrong-format" in diagnosis.reasons:
        return "format"
    if (position.rank or 0) >= RERANK_FROM or facts.scores.get("context_precision", 1.0) < _HALF:
        # A source that stands at the top already is not brought up by any order: the others are too many.
        is_on_top = position.rank is not None and position.rank < RERANK_FROM
        return "too-much-context" if is_on_top and len(facts.contexts or ()) >= MANY_CHUNKS else "noisy-context"
    # An answer without support has its facts wrong, which comes before how it fits the question.
    if "unsupported" in diagnosis.reasons:
        return "unsupported"
    if _is_off(facts, diagnosis, run):
        return "off-question"
    return _of_given_source(facts, diagnosis, run)


def _of_given_source(facts: RecordFacts, diagnosis: Diagnosis, run: _Run) -> Cause | None:
    if "refused" in diagnosis.reasons:
        return "refused"
    # Nothing is very bad: of what is low in the whole run, what is lowest here.
    weakest = _weakest(facts, run)
    if weakest is not None or diagnosis.position.place != "given":
        return weakest
    return "too-much-context" if len(facts.contexts or ()) >= MANY_CHUNKS else "unread"


def _is_off(facts: RecordFacts, diagnosis: Diagnosis, run: _Run) -> bool:
    is_far = facts.scores.get("answer_relevancy", 1.0) < OFF_QUESTION_BELOW
    return "off-question" in diagnosis.reasons or (is_far and not run.excuses_few_words)


_WEAK_IN: Mapping[str, Cause] = {
    "context_recall": "not-given",
    "context_precision": "noisy-context",
    "faithfulness": "unsupported",
    "answer_relevancy": "off-question",
}
"""In the order of a question's way."""


def _weakest(facts: RecordFacts, run: _Run) -> Cause | None:
    low = {
        metric: facts.scores[metric]
        for metric in _WEAK_IN
        if metric in run.low_metrics and facts.scores.get(metric, 1.0) < LOW_MEAN
    }
    # A right answer of a few words is far from its question by nature, unless others are near theirs.
    if run.excuses_few_words and len(tokens(facts.answer or "")) <= FEW_WORDS:
        low.pop("answer_relevancy", None)
    if not run.retrieves:
        low = {metric: value for metric, value in low.items() if metric == "answer_relevancy"}
    if not low:
        return None
    # What was not given cannot be ranked high, so that low precision follows from low recall. Of equals the earliest.
    metric = "context_recall" if "context_recall" in low else min(low, key=lambda name: low[name])
    cause = _WEAK_IN[metric]
    return "cut-source" if cause == "not-given" and is_cut(facts) else cause
