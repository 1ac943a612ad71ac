"""Long texts of a report: none stands twice for a question, and none makes the file too large to be sent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from llmopt_core.reporting.page import ReportAnswer, ReportExample

CUT = " … (cut here: the whole text stands in the result file)"
# Bytes of a whole report of so many records (ten configurations, two hundred questions), and about what its tags take.
_LARGEST, _USUAL = 5_400_000, 2000
_SCORE, _CONTEXT, _ANSWER, _FLIP = 130, 120, 150, 300
# However many tags there are, this much is left for the texts.
_LEAST = 600_000


def fit_texts(examples: Sequence[ReportExample]) -> tuple[ReportExample, ...]:
    """Examples whose sources stand once each, and whose longest texts are cut where all of them are too many."""
    once = [replace(example, answers=_once(example.answers)) for example in examples]
    answers = [answer for example in once for answer in example.answers]
    # Half for the sources, the other half for the answers and the reasons of scores.
    budget = _budget(answers)
    context = _cutter([text for answer in answers for _, text, _ in answer.contexts], budget / 2)
    reply = _cutter([answer.text or "" for answer in answers], budget / 4)
    reason = _cutter([why for answer in answers for _, _, why in answer.scores], budget / 4)

    def fit(answer: ReportAnswer) -> ReportAnswer:
        return replace(
            answer,
            text=None if answer.text is None else reply(answer.text),
            contexts=tuple((place, context(text), score) for place, text, score in answer.contexts),
            scores=tuple((metric, value, reason(why)) for metric, value, why in answer.scores),
        )

    return tuple(replace(example, answers=tuple(map(fit, example.answers))) for example in once)


def _budget(answers: Sequence[ReportAnswer]) -> float:
    tags = sum(_SCORE * len(answer.scores) + _CONTEXT * len(answer.contexts) + _ANSWER + _FLIP for answer in answers)
    # A report of more records may be larger: it has more to tell.
    share = max(1.0, len(answers) / _USUAL)
    return share * max(_LEAST, _LARGEST - tags / share)


def _once(answers: Sequence[ReportAnswer]) -> tuple[ReportAnswer, ...]:
    first_runs: dict[tuple[str, str], str] = {}
    found: list[ReportAnswer] = []
    for answer in answers:
        contexts = tuple(
            _context(place, text, score, first_runs.setdefault((place, text), answer.run), answer.run)
            for place, text, score in answer.contexts
        )
        found.append(replace(answer, contexts=contexts))
    return tuple(found)


def _context(place: str, text: str, score: float | None, first_run: str, run: str) -> tuple[str, str, float | None]:
    return (place, text, score) if run == first_run or not text else (f"{place}, as for {first_run} above", "", score)


def _cutter(texts: Sequence[str], budget: float) -> Callable[[str], str]:
    limit = _limit(sorted(len(text.encode(errors="replace")) for text in texts), budget)

    def cut(text: str) -> str:
        encoded = text.encode(errors="replace")
        return text if len(encoded) <= limit else encoded[:limit].decode(errors="ignore") + CUT

    return cut


def _limit(lengths: Sequence[int], budget: float) -> int:
    """The length to which the longest must be cut so that all of them fit: short ones stay whole."""
    left = budget
    for place, length in enumerate(lengths):
        each = left / (len(lengths) - place)
        if length > each:
            return int(each)
        left -= length
    return lengths[-1] if lengths else 0
