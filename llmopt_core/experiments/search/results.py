"""What searches over prompts found, as it is kept with their jobs."""

from __future__ import annotations

from typing import Literal, TypeVar

from llmopt_core.experiments.search.confirmation import Verification
from llmopt_core.experiments.search.trial_runner import StopReason
from llmopt_core.prompts.spec import FewShotSpec, PromptSpec
from llmopt_core.runs.values import Job
from llmopt_core.statistics.intervals import Summary
from llmopt_core.statistics.paired_comparison import Comparison
from llmopt_core.statistics.verdict import Verdict
from llmopt_core.types import Spec, Usage

R = TypeVar("R", bound=Spec)


class ExampleEffect(Spec):
    """One few-shot example.

    Attributes:
        place: In the set as it is saved, from 0.
        comparison: With it (all examples) against without it, paired by question: above 0 it helps. None where it was
            not measured in full.
        p_adjusted: The p-value after Holm's correction over all examples.
        verdict: `better`: the answers are better with it; by the adjusted p-value.
        tokens: Mean prompt tokens it costs; None where not known.
    """

    place: int
    question: str
    answer: str
    comparison: Comparison | None = None
    p_adjusted: float | None = None
    verdict: Verdict | None = None
    tokens: float | None = None


class SearchResult(Spec):
    """What every search over a prompt tells.

    Attributes:
        source: What was searched, in words.
        trained_on: The questions that it was measured on, which chose what won; none in results from before they were
            kept.
        left_out: Examples (or questions) that were left out because they repeat one another.
        ended: Why it is not complete; empty where it is.
    """

    source: str
    set_name: str
    set_version: str
    metric: str
    trained_on: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    usage: Usage = Usage()
    seconds: float = 0.0
    ended: StopReason = ""
    problem: str = ""


class FewShotEffect(SearchResult):
    """All examples of a set.

    Attributes:
        full: With all examples.
    """

    questions: int
    full: Summary
    examples: tuple[ExampleEffect, ...]


Method = Literal["greedy", "random"]


class Trial(Spec):
    """One subset on the training part.

    Attributes:
        places: Which examples of the set as it is saved, in the order shown; None for the set with its own selection.
        step: Of the greedy search, from 1; 0 for what is there to begin with.
        comparison: Against the set as it is, on the training part.
        complete: Whether every training question was tried; others are never chosen.
    """

    places: tuple[int, ...] | None
    step: int
    summary: Summary
    comparison: Comparison
    complete: bool


class ChoiceResult(SearchResult):
    """The whole search.

    Attributes:
        questions: Place in the set as it is saved -> question, to show what places stand for.
        trials: In the order tried. Their numbers chose the subset, so they are no result.
        chosen: Places of the best subset, in the order shown; None where none beat the set as it is.
        few_shot: The chosen examples as a set, exactly as verified.
        verification: The result: the chosen subset against the set as it is, on the held-back part.
    """

    method: Method
    questions: dict[int, str]
    training: int
    held_back: int
    trials: tuple[Trial, ...]
    chosen: tuple[int, ...] | None = None
    few_shot: FewShotSpec | None = None
    verification: Verification | None = None


Part = Literal["system", "template"]


class Candidate(Spec):
    """One rewrite.

    Attributes:
        round: In which it was proposed, from 1.
        text: The instruction; where it was refused, what came.
        refused: Why it was not tried; empty where it was.
        summary: On the training part; None where it was not tried. It chose the best, so it is no result.
        comparison: Against the original, on the training part.
        complete: Whether every training question was tried; others are never chosen.
    """

    round: int
    text: str
    refused: str = ""
    summary: Summary | None = None
    comparison: Comparison | None = None
    complete: bool = False


class InstructionResult(SearchResult):
    """The whole search.

    Attributes:
        part: Which part of the prompt was rewritten.
        original: The instruction as it was, with its mean on the training part.
        best: Number of the best candidate on the training part; None where none beat the original there.
        verification: The result: the best candidate against the original, on the held-back part.
        proposer: Who wrote the rewrites, in words.
        prompt: What was searched, as it was.
    """

    part: Part
    original: str
    baseline: Summary
    training: int
    held_back: int
    candidates: tuple[Candidate, ...]
    best: int | None = None
    verification: Verification | None = None
    proposer: str = ""
    prompt: PromptSpec = PromptSpec()

    @property
    def better_text(self) -> str | None:
        """The instruction that won on the held-back part; None where the original stays."""
        if self.best is None or self.verification is None or not self.verification.is_better:
            return None
        return self.candidates[self.best].text

    @property
    def better_prompt(self) -> PromptSpec | None:
        """The prompt with the instruction that won."""
        return None if self.better_text is None else self.prompt.model_copy(update={self.part: self.better_text})


def read_search_result(job: Job, kind: type[R]) -> R | None:
    """The result of a search; None where it gave none, or another version of the program made it."""
    try:
        return kind.model_validate(job.result["found"])
    except (KeyError, ValueError):
        return None
