"""Why a record failed, as far as its trace, its scores and its texts tell: the automatic kinds of failure.

The kinds follow the way of a question: what came first is likely to have caused what came after. What cannot be told is
said to be unknown, with the reason; nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from llmopt_core.evaluation.text import tokens
from llmopt_core.labs.evaluation.correctness import (
    folding_gain,
    holds_right_answer,
    is_content_right,
    is_refusal_text,
    is_unanswerable,
)
from llmopt_core.labs.evaluation.record_facts import RecordFacts
from llmopt_core.labs.evaluation.source_position import SourcePosition, source_position
from llmopt_core.text.json_text import parse_json

FailureKind = Literal[
    "error",
    "not-retrieved",
    "outranked",
    "not-given",
    "refused",
    "off-question",
    "wrong-format",
    "unsupported",
    "not-used",
]
"""In the order in which the first of a record is taken for its cause. `not-given` is one of the two before it."""

FAILURE_KINDS: tuple[FailureKind, ...] = get_args(FailureKind)

FAILURE_TITLES: Mapping[FailureKind, str] = {
    "error": "Error",
    "not-retrieved": "Not retrieved",
    "outranked": "Retrieved but outranked",
    "not-given": "Not retrieved or outranked",
    "refused": "Refused",
    "off-question": "Off the question",
    "wrong-format": "Wrong format",
    "unsupported": "Unsupported claim",
    "not-used": "Given but not used",
}

FAILURE_EXPLANATIONS: Mapping[FailureKind, str] = {
    "error": "No answer came: the call, the retrieval or the prompt failed.",
    "not-retrieved": "No stage of retrieval had the source of the right answer.",
    "outranked": "The source was among the candidates, and other chunks were given to the model.",
    "not-given": "The source was not given to the model; no candidates are kept that would tell why.",
    "refused": "It says that it does not know, or nothing at all, though there is an answer.",
    "off-question": "It answers another question than the one that was asked.",
    "wrong-format": "The form is wrong: an assertion on it failed, it was cut off, or the right answer stands among "
    "other words.",
    "unsupported": "It claims what the given chunks do not support.",
    "not-used": "The model was given the source and answered something else.",
}

# An answer has few statements, so faithfulness moves in steps of a third or a half: at half and below at least as many
# statements lack support as have it. Higher would count one doubtful verdict of the judge as a failure.
UNSUPPORTED_AT_MOST = 0.5
# A mean cosine between questions. Judges give sentences that answer the question .7 and more, others seldom half.
OFF_QUESTION_BELOW = 0.5
# A few words are far from any question: the built-in judge gives right ones of the sample project .43 and more, so
# that half of them would be called off the question. Answers of another kind (a date for a person) get .2.
OFF_QUESTION_BELOW_FOR_FEW_WORDS = 0.35
FEW_WORDS = 6

# A failure of an answer that came and could not be read, as other tools write them; no endpoint's error is called so.
_FORM = re.compile(r"\b(?:format|pars(?:e|ing)|json|schema|extract(?:ion)?)", re.IGNORECASE)
_FORMAT_ASSERTIONS = ("is-json", "json-schema", "regex", "length", "starts-with")
_ASSERTIONS = "checks"
_EXACT = ("exact_match", "answer_f1")
_HALF = 0.5


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What became of a record.

    Attributes:
        passed: None where it cannot be told.
        reasons: Kind -> what says so, in the order of `FAILURE_KINDS`; empty where it passed.
        unknown: What could not be told and why; empty where all was.
        position: Where the source of the right answer stood.
    """

    example_id: str
    category: str | None
    passed: bool | None
    reasons: Mapping[FailureKind, str]
    unknown: str = ""
    position: SourcePosition = field(default_factory=lambda: SourcePosition("unknown"))

    @property
    def kinds(self) -> tuple[FailureKind, ...]:
        """All kinds, the likely cause first."""
        return tuple(self.reasons)

    @property
    def first(self) -> FailureKind | None:
        """The likely cause; None where it passed, or the cause is unknown."""
        return next(iter(self.reasons), None)


def diagnose(facts: RecordFacts) -> Diagnosis:
    """Whether a record failed, and of which kinds."""
    if facts.failure is not None:
        kind: FailureKind = "wrong-format" if _FORM.search(f"{facts.failure.stage} {facts.failure.kind}") else "error"
        reason = f"{facts.failure.stage or 'run'}: {facts.failure.message or facts.failure.kind}"
        return Diagnosis(facts.example_id, facts.category, False, {kind: reason})
    if facts.answer is None:
        reason = facts.not_run or "There is no answer and no failure."
        return Diagnosis(facts.example_id, facts.category, None, {}, f"It was not asked: {reason}")
    is_right, format_fault = is_content_right(facts), _format_fault(facts)
    has_passed = _passed(facts, is_right, format_fault)
    position = source_position(facts)
    if has_passed is not False:
        doubt = "" if has_passed else _why_undecided(facts)
        return Diagnosis(facts.example_id, facts.category, has_passed, {}, doubt, position)
    kinds = dict(_kinds(facts, is_right, format_fault, position))
    reasons = {kind: kinds[kind] for kind in FAILURE_KINDS if kind in kinds}
    return Diagnosis(facts.example_id, facts.category, False, reasons, _unknown(is_right, reasons, position), position)


def diagnose_all(records: Iterable[RecordFacts]) -> list[Diagnosis]:
    """One diagnosis per record, in their order."""
    return [diagnose(facts) for facts in records]


def _passed(facts: RecordFacts, is_right: bool | None, format_fault: str) -> bool | None:
    if format_fault or is_right is False or facts.scores.get(_ASSERTIONS) == 0:
        return False
    if is_right or facts.scores.get(_ASSERTIONS) == 1:
        return True
    if not (facts.answer or "").strip():
        return False
    # Without a reference a refusal may be what is right.
    if is_refusal_text(facts.answer or ""):
        return None
    verdicts = (_is_unsupported(facts), _is_off_question(facts))
    return False if True in verdicts else True if verdicts == (False, False) else None


def _is_unsupported(facts: RecordFacts) -> bool | None:
    value = facts.scores.get("faithfulness")
    if value is None:
        return bool(facts.unsupported_claims) if facts.unsupported_claims is not None else None
    return value <= UNSUPPORTED_AT_MOST


def _is_off_question(facts: RecordFacts) -> bool | None:
    value = facts.scores.get("answer_relevancy")
    if value is None:
        return None
    is_short = len(tokens(facts.answer or "")) <= FEW_WORDS
    return value < (OFF_QUESTION_BELOW_FOR_FEW_WORDS if is_short else OFF_QUESTION_BELOW)


def _kinds(
    facts: RecordFacts, is_right: bool | None, format_fault: str, position: SourcePosition
) -> Iterator[tuple[FailureKind, str]]:
    if format_fault:
        yield "wrong-format", format_fault
    # The right thing in the wrong form: neither retrieval nor reading failed.
    if is_right:
        if _is_off_question(facts):
            yield "off-question", f"Answer relevancy is {facts.scores['answer_relevancy']:.2g}."
        return
    yield from _source_kinds(position)
    refusal = _refusal(facts)
    if refusal:
        yield "refused", refusal
        # It claims nothing that could be off the question or without support.
        if position.place == "given":
            yield "not-used", position.ground
        return
    # What was cut off may have been on its way to the question.
    is_off = _is_off_question(facts) and not _is_cut_off(facts)
    is_unsupported = _is_unsupported(facts)
    if is_off:
        yield "off-question", f"Answer relevancy is {facts.scores['answer_relevancy']:.2g}."
    if is_unsupported:
        yield "unsupported", _unsupported_reason(facts)
    elif is_unanswerable(facts):
        yield "unsupported", "The right answer is that there is none, and it claims one."
    # What answers another question from the chunks has read them; what is of no known kind has not used the source.
    if is_right is False and position.place == "given" and not is_off and not format_fault:
        yield "not-used", position.ground


def _refusal(facts: RecordFacts) -> str:
    """How it declines to answer what has an answer; empty where it does not."""
    if not (facts.answer or "").strip():
        # Such as a model that spent all its tokens on reasoning, or called a tool.
        return facts.ending or "The answer is blank."
    return (
        "It says that it does not know." if is_refusal_text(facts.answer or "") and not is_unanswerable(facts) else ""
    )


def _source_kinds(position: SourcePosition) -> Iterator[tuple[FailureKind, str]]:
    kinds: Mapping[str, FailureKind] = {"absent": "not-retrieved", "candidate": "outranked", "not-given": "not-given"}
    if position.place in kinds:
        yield kinds[position.place], position.ground


def _unsupported_reason(facts: RecordFacts) -> str:
    if "faithfulness" in facts.scores:
        return f"Faithfulness is {facts.scores['faithfulness']:.2g}."
    return f"The fact check found no support for: {(facts.unsupported_claims or ('',))[0]}"


def _format_fault(facts: RecordFacts) -> str:
    """What is wrong with the form; empty where nothing is known to be."""
    answer = facts.answer or ""
    failures = [
        name
        for name, kind in facts.assertion_types.items()
        if facts.scores.get(name) == 0 and kind.removeprefix("not ") in _FORMAT_ASSERTIONS
    ]
    if failures:
        return f"Failed: {', '.join(failures)}."
    if any(_is_json(text) for text in facts.right_answers) and not _is_json(answer):
        return "The right answer is JSON, and this is none."
    is_right = is_content_right(facts)
    if _is_cut_off(facts) and not is_right:
        return facts.ending or "It was cut off at the most tokens allowed."
    # By the measured values alone: where nobody measured by words, a sentence around the answer is no fault.
    values = [facts.scores[name] for name in _EXACT if name in facts.scores]
    # A full-width sign makes the measured one 0 without a word too many.
    is_wordy = bool(values) and max(values) + folding_gain(answer, facts.right_answers) < _HALF
    if is_right and is_wordy and holds_right_answer(answer, facts.right_answers):
        return "The right answer stands in it, among other words."
    return ""


def _is_cut_off(facts: RecordFacts) -> bool:
    return facts.finish_reason == "length"


def _is_json(text: str) -> bool:
    """Whether it is an object or a list; a plain word or number is an answer like any other."""
    if not text.lstrip().startswith(("{", "[")):
        return False
    try:
        return isinstance(parse_json(text), dict | list)
    except (ValueError, RecursionError):
        return False


def _why_undecided(facts: RecordFacts) -> str:
    if is_refusal_text(facts.answer or ""):
        return "It says that it does not know; without a right answer nobody can tell whether it should."
    if facts.right_answers:
        return "It shares too little with the right answer to be right, and too much to be wrong."
    return "No right answer is known, and faithfulness and answer relevancy were not both scored."


def _unknown(is_right: bool | None, reasons: Mapping[FailureKind, str], position: SourcePosition) -> str:
    """What stays open of a failure."""
    if "not-given" in reasons:
        return f"Whether its source was not retrieved or outranked: {position.ground}"
    if position.place == "unknown" and not is_right and not {"off-question", "wrong-format"} & reasons.keys():
        return f"Whether it was given the source: {position.ground}"
    return "" if reasons else "An assertion failed that says nothing of the cause."
