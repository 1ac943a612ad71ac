"""The built-in judge: answers what Ragas asks by rules and embeddings, without an LLM and always the same.

It measures grounding (does the text say this?), not correctness. `judge_agreement.py` holds its measured agreement with
human labels.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any

from pydantic import BaseModel

from llmopt_core.evaluation.judges.builtin.conversation import claim_of
from llmopt_core.evaluation.judges.builtin.evasions import is_evasive
from llmopt_core.evaluation.judges.builtin.grounding import Grounding, Support, is_short
from llmopt_core.evaluation.judges.builtin.question_forms import fill_in, fits
from llmopt_core.evaluation.judges.builtin.token_vectors import TokenReader
from llmopt_core.evaluation.ragas_bridge import question_of
from llmopt_core.evaluation.sample import CouldNotScore, Sample
from llmopt_core.text.sentences import sentences

# " [1]", "[2, 3]", "[4-6]". The blanks before it are taken possessively, and only from their start, so a long run of
# blanks costs one pass.
_CITATION = re.compile(r"(?<!\s)\s*+\[\d+(?:\s*[,;-]\s*\d+)*\]")


class BuiltinJudge:
    """Judges one sample.

    Args:
        sample: Gives the question; the contexts come with what Ragas asks.
        reader: Gives token vectors.
    """

    def __init__(self, sample: Sample, reader: TokenReader) -> None:
        self._question = sample.example.question
        self._reader = reader
        self._sources: dict[str, str] = {}
        self._question_count = 0

    async def reply(self, prompt: str, reply_type: type[BaseModel]) -> BaseModel:
        """See `Judge.reply`; the work is done outside the event loop."""
        # By the name of what is wanted: Ragas' classes are imported with Ragas alone, which takes seconds.
        answers: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "StatementGeneratorOutput": lambda asked: {"statements": statements(asked["answer"])},
            "NLIStatementOutput": self._grade_statements,
            "AnswerRelevanceOutput": self._what_it_answers,
            "ContextPrecisionOutput": self._grade_chunk,
            "ContextRecallOutput": self._grade_reference,
        }
        answer = answers.get(reply_type.__name__)
        if answer is None:
            raise CouldNotScore(f"The built-in judge cannot answer {reply_type.__name__}; choose an LLM as judge.")
        return reply_type.model_validate(await asyncio.to_thread(answer, question_of(prompt)))

    def source(self, statement: str) -> str:
        """See `SampleJudge.source`."""
        return self._sources.get(statement, "")

    def _grade_statements(self, material: dict[str, Any]) -> dict[str, Any]:
        # With the sample's own question: what Ragas asks here does not hold it.
        supports = self._support(material["context"], material["statements"], self._question, reply=True)
        return {
            "statements": [{"statement": s.statement, "reason": s.reason, "verdict": int(s.verdict)} for s in supports]
        }

    def _grade_reference(self, material: dict[str, Any]) -> dict[str, Any]:
        supports = self._support(material["context"], reference_statements(material["answer"]), material["question"])
        return {
            "classifications": [
                {"statement": s.statement, "reason": s.reason, "attributed": int(s.verdict)} for s in supports
            ]
        }

    def _grade_chunk(self, material: dict[str, Any]) -> dict[str, Any]:
        grounding = Grounding(material["context"], self._reader)
        support = grounding.usefulness(material["question"], reference_statements(material["answer"]))
        return {"reason": support.reason, "verdict": int(support.verdict)}

    def _what_it_answers(self, material: dict[str, Any]) -> dict[str, Any]:
        # An answer of citations alone is judged as it stands.
        answer = without_citations(material["response"]) or material["response"]
        # The forms in turn, as often as Ragas asks; another round begins with the first.
        form = answer_forms(self._question, answer)[self._question_count % QUESTIONS]
        self._question_count += 1
        return {"question": form, "noncommittal": int(is_evasive(answer))}

    def _support(self, context: str, statements: list[str], question: str, reply: bool = False) -> list[Support]:
        supports = Grounding(context, self._reader).supports(statements, question, reply)
        self._sources |= {support.statement: support.source for support in supports}
        return supports


def statements(answer: str) -> list[str]:
    """The sentences of an answer that state something, citations like [1] taken out, and talk where more is said."""
    parts = [s for s in sentences(without_citations(answer)) if re.search(r"\w", s)]
    assertions = [sentence for sentence in parts if not is_evasive(sentence)]
    # If all of it is talk, the talk is what was stated.
    return [sentence for sentence in assertions if claim_of(sentence)] or assertions


def reference_statements(reference: str) -> list[str]:
    """The statements of a reference; one that reads like a refusal is a reference all the same."""
    # A reference of signs alone has no sentence with a word, and stands whole.
    return statements(reference) or [text for text in (without_citations(reference),) if text]


# How often answer relevancy asks for a question.
QUESTIONS = 2


def answer_forms(question: str, answer: str) -> tuple[str, str]:
    """What stands for the questions that an answer would answer; Ragas averages their similarity to the real one.

    A sentence stands for itself. A few words are far from any question, so if they are of the kind it asks for, they
    are compared once as they are and once filled into it.
    """
    # Only what fits is filled in: any few words would look like an answer once they stand in the question.
    is_fitting = is_short(answer) and fits(question, answer) > 0
    return answer, fill_in(question, answer) if is_fitting else answer


def without_citations(text: str) -> str:
    """The text without markers such as [1] or [2, 3]."""
    return _CITATION.sub("", text).strip()
