"""The check that a group of failures becomes: an assertion that answers of its kind fail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from llmopt_core.evaluation.assertions.spec import AssertionSpec
from llmopt_core.evaluation.text import tokens
from llmopt_core.labs.evaluation.correctness import SHORT
from llmopt_core.labs.evaluation.failure_kinds import OFF_QUESTION_BELOW, UNSUPPORTED_AT_MOST, Diagnosis, FailureKind
from llmopt_core.text.json_text import is_json_object
from llmopt_core.types import Example

_KNOWLEDGE: tuple[FailureKind, ...] = ("not-retrieved", "outranked", "not-given", "not-used")
# What most refusals of a model hold, in English and Chinese; an assertion is to be read and edited, so it is short.
_REFUSAL = (
    r"(?i)\b(?:do(?:n['’]t| not) know|not (?:mentioned|stated|provided|given)|no (?:information|mention)"
    r"|can(?:not|['’]t) (?:answer|say|tell))\b|不知道|未提及|没有提到|没有提及|无法回答|无法确定"
)
_MOST_TIMES = 3
"""Times the longest reference answer that an answer of the right length may have: at F1 below a half, where it counts
as in the wrong format, it is longer."""


def prepare_check(
    name: str, texts: Sequence[str], diagnoses: Iterable[Diagnosis] = (), examples: Sequence[Example] = ()
) -> AssertionSpec:
    """An assertion prepared from what is known of a group, to be taken as it is or edited.

    By the likely cause that most of its records have it is one that any judge can check; where none is known an LLM
    judge looks for the fault that the group is named by.

    Args:
        name: Of the group.
        texts: Its notes; a few of them say more exactly what is meant.
        diagnoses: Of its records.
        examples: Its questions.
    """
    kinds = Counter(one.first for one in diagnoses if one.first is not None)
    kind = kinds.most_common(1)[0][0] if kinds else None
    return _by_kind(kind, f"not: {name}", examples) or _rubric(name, texts)


def _by_kind(kind: FailureKind | None, name: str, examples: Sequence[Example]) -> AssertionSpec | None:
    if kind == "refused":
        return AssertionSpec(type="regex", value=_REFUSAL, negate=True, name=name)
    if kind == "unsupported":
        # Just at the bound an answer still counts as unsupported.
        return AssertionSpec(type="metric", value="faithfulness", threshold=UNSUPPORTED_AT_MOST + 0.01, name=name)
    if kind == "off-question":
        return AssertionSpec(type="metric", value="answer_relevancy", threshold=OFF_QUESTION_BELOW, name=name)
    references = [(example.reference or "").strip() for example in examples]
    # An assertion that takes a reference from a question without one could not be made there.
    return _by_references(kind, name, references) if references and all(references) else None


def _by_references(kind: FailureKind | None, name: str, references: Sequence[str]) -> AssertionSpec | None:
    if kind == "wrong-format" and all(map(is_json_object, references)):
        return AssertionSpec(type="is-json", name=name)
    if kind == "wrong-format":
        return AssertionSpec(type="length", value={"max": _MOST_TIMES * max(map(len, references))}, name=name)
    if kind not in _KNOWLEDGE:
        return None
    if all(len(tokens(reference)) <= SHORT for reference in references):
        return AssertionSpec(type="contains", value="{{ reference }}", case_sensitive=False, name=name)
    return AssertionSpec(type="similar", name=name)


def _rubric(name: str, texts: Sequence[str]) -> AssertionSpec:
    samples = "; ".join(dict.fromkeys(text for text in texts if text != name))[:300]
    rubric = f"The answer does not have this fault: {name}." + (f" It was seen as: {samples}." if samples else "")
    # Templates are filled in before the judge reads them; what people note is none.
    return AssertionSpec(type="llm-rubric", value=_plain(rubric), name=f"not: {name}")


def _plain(text: str) -> str:
    return text.replace("{{", "{ {").replace("{%", "{ %").replace("{#", "{ #")
