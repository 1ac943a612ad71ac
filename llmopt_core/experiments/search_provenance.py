"""Parts of a prompt that a search has chosen, with the questions it chose them on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from llmopt_core.errors import BadInput
from llmopt_core.experiments.search.results import ChoiceResult, FewShotEffect, InstructionResult, read_search_result
from llmopt_core.experiments.search.task import CHOICE, FEW_SHOT_EFFECT, INSTRUCTION
from llmopt_core.finetuning.data.similarity import nearly_equal
from llmopt_core.prompts.spec import FewShotSpec, PromptSpec
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import Job
from llmopt_core.text.words import fold


@dataclass(frozen=True, slots=True)
class SearchChoice:
    """A part of a prompt and what chose it.

    Attributes:
        set_name: The evaluation set that was searched on.
        questions: Those that chose; None where they are not known any more.
    """

    kind: Literal["instruction", "few-shot choice"]
    set_name: str
    questions: tuple[str, ...] | None


def list_search_choices(store: Store, prompt: PromptSpec, before: datetime | None = None) -> list[SearchChoice]:
    """What searches, in whatever project, have chosen of a prompt.

    Args:
        store: Holds the searches' jobs.
        prompt: Of a configuration.
        before: Only searches that had begun by then; all by default.
    """
    choices: list[SearchChoice] = []
    for job in store.jobs():
        if job.kind in _READERS and job.result and (before is None or job.created_at <= before):
            choices += _READERS[job.kind](store, job, prompt)
    # The same search, done again, chose the same part.
    return list(dict.fromkeys(choices))


def _instruction(store: Store, job: Job, prompt: PromptSpec) -> Iterator[SearchChoice]:
    result = read_search_result(job, InstructionResult)
    if result is None:
        return
    text = fold(getattr(prompt, result.part))
    original = fold(result.original)
    rewrites = [fold(candidate.text) for candidate in result.candidates if not candidate.refused]
    # A rewrite that was touched up by hand was still chosen by the search; the text as it was before was not.
    is_edited = any(nearly_equal(text, rewrite) for rewrite in rewrites)
    if text not in ("", original) and (text in rewrites or (is_edited and not nearly_equal(text, original))):
        questions = _questions(store, job, result.trained_on, result.set_name, result.set_version)
        yield SearchChoice("instruction", result.set_name, questions)


def _choice(store: Store, job: Job, prompt: PromptSpec) -> Iterator[SearchChoice]:
    result = read_search_result(job, ChoiceResult)
    if result is not None and result.few_shot is not None and _pairs(prompt.few_shot) == _pairs(result.few_shot):
        questions = _questions(store, job, result.trained_on, result.set_name, result.set_version)
        yield SearchChoice("few-shot choice", result.set_name, questions)


def _effect_parts(store: Store, job: Job, prompt: PromptSpec) -> Iterator[SearchChoice]:
    """Examples that stayed when others were dropped by what they were worth on a set."""
    result = read_search_result(job, FewShotEffect)
    if result is None:
        return
    measured_pairs = {(example.question, example.answer) for example in result.examples}
    prompt_pairs = _pairs(prompt.few_shot)
    # A proper part: some were dropped and none came in.
    if prompt_pairs and prompt_pairs < measured_pairs:
        questions = _questions(store, job, result.trained_on, result.set_name, result.set_version)
        yield SearchChoice("few-shot choice", result.set_name, questions)


_READERS = {INSTRUCTION: _instruction, CHOICE: _choice, FEW_SHOT_EFFECT: _effect_parts}


def _pairs(few_shot: FewShotSpec | None) -> set[tuple[str, str]]:
    from llmopt_core.prompts.few_shot import question_of

    return {(question_of(shot), shot["answer"]) for shot in few_shot.examples} if few_shot is not None else set()


def _questions(
    store: Store, job: Job, questions: Sequence[str], set_name: str, set_version: str
) -> tuple[str, ...] | None:
    """The questions that chose; of a search from before they were kept, all of its set."""
    if questions:
        return tuple(questions)
    if job.project is None:
        return None
    for name, version in _sets(job.arguments, set_name, set_version):
        try:
            return tuple(example.question for example in store.evaluation_set(job.project, name, version).examples)
        # Not there under this name: the next one is looked for.
        except BadInput:
            continue
    return None


def _sets(arguments: Mapping[str, object], name: str, version: str) -> list[tuple[str, str | None]]:
    # A drawn part of a set is called `NAME, 20 chosen`, and is not kept itself.
    whole_name = str(arguments.get("evaluation_set") or name).rpartition(", ")[0] if name.endswith(" chosen") else name
    return [(name, version), (whole_name, None)]
