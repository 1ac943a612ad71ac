"""Instruction search: rewrites by an LLM, scored on a training part; the best is kept only if it wins held back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from llmopt_core.answering.answer import mode_of
from llmopt_core.errors import BadInput, EndpointError
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.search.confirmation import check_budget, gain, verify
from llmopt_core.experiments.search.results import Candidate, InstructionResult, Part
from llmopt_core.experiments.search.task import (
    INSTRUCTION,
    SearchTask,
    check_task,
    split_task,
    with_prompt,
    without_repeats,
)
from llmopt_core.experiments.search.trial_result import TrialResult
from llmopt_core.experiments.search.trial_runner import Report, TrialRunner, search_work_name, trial_runner
from llmopt_core.labs.prompts.proposer import instruction_in, proposal_request, refusal, text_of, worst
from llmopt_core.models.base import BUILTIN, Completion, ModelSpec
from llmopt_core.models.registry import Models
from llmopt_core.types import Example, Usage

# Warm, or each call would give the same rewrite; 400 tokens are an instruction, not an essay.
USUAL_PROPOSER = ModelSpec(temperature=0.8, max_tokens=400)


def instruction_answers(rewrites: int, rounds: int, training: int, held_back: int) -> int:
    """How many answers it takes at most, calls for the rewrites not counted."""
    # The original and every rewrite on the training part; the original and the winner on the held-back part.
    return (1 + rewrites * rounds) * training + 2 * held_back


async def search_instruction(
    task: SearchTask,
    models: Models,
    *,
    part: Part = "system",
    proposer: ModelSpec = USUAL_PROPOSER,
    rewrites: int = 4,
    rounds: int = 1,
    report: Report | None = None,
    should_cancel: Callable[[], bool] | None = None,
) -> InstructionResult:
    """Let an LLM rewrite the instruction from the failures seen, and keep a rewrite only if it truly wins.

    The questions are split. Each round shows failures of the best instruction so far to the proposer and scores its
    rewrites on the training part. The best of all is then tested once, paired, on the held-back part, for which budget
    is kept.

    Args:
        task: What is improved, and on which questions.
        models: Of the current event loop.
        part: Which part of the prompt is the instruction.
        proposer: Who writes the rewrites.
        rewrites: Asked for in each round.
        rounds: How often; a round after one that found nothing better starts from the same failures.
        report: Told how far it is.
        should_cancel: Asked before each call.

    Raises:
        BadInput: Too few questions, a budget too small to verify anything, an unknown endpoint, or nothing could be
            scored.
    """
    check_task(task, models)
    _check_proposer(task, proposer, models)
    options = {"part": part, "proposer": proposer, "rewrites": rewrites, "rounds": rounds}
    work = search_work_name(INSTRUCTION, task, models, options)
    # The prompt as it was asked, few-shot examples and all.
    prompt = task.configuration.prompt
    task, _, omissions = without_repeats(task)
    training, holdout = split_task(task)
    check_budget(task, len(training), len(holdout))
    with trial_runner(work, task, models, report, should_cancel) as runner:
        runner.plan_size = instruction_answers(rewrites, rounds, len(training), len(holdout))
        # Kept for the test of the winner, whatever the search takes.
        runner.reserve(2 * len(holdout))
        search = _Search(runner, training, part, proposer)
        await search.begin()
        for number in range(1, rounds + 1):
            await search.round(number, rewrites)
        best, stop_reason, verification = search.best(), runner.stop_reason, None
        # A stop by the user is a stop; a spent budget still has what was kept for this.
        if best is not None and stop_reason != "cancelled":
            verification = await verify(
                runner, task.configuration, search.with_text(search.candidates[best].text), holdout
            )
        return InstructionResult(
            part=part,
            original=search.original,
            baseline=search.baseline.summary,
            training=len(training),
            held_back=len(holdout),
            candidates=tuple(search.candidates),
            best=best,
            verification=verification,
            proposer=_proposer_name(proposer),
            prompt=prompt,
            ended=runner.stop_reason or stop_reason,
            **runner.facts(training, omissions),
        )


@dataclass
class _Search:
    """Proposes rewrites and scores them on the training part."""

    runner: TrialRunner
    training: Sequence[Example]
    part: Part
    proposer: ModelSpec
    candidates: list[Candidate] = field(default_factory=list)
    _request_count: int = 0

    @property
    def original(self) -> str:
        return text_of(self.runner.task.configuration.prompt, self.part)

    async def begin(self) -> None:
        """The instruction as it is."""
        result = await self.runner.measure(self.runner.task.configuration, self.training, "training part: as it is")
        self.runner.require_scores(result)
        # The first round shows the failures of the original.
        self.baseline = self._best_so_far = result
        self._text, self._best_gain = self.original, 0.0

    async def round(self, number: int, rewrites: int) -> None:
        """Ask for rewrites of the best instruction so far, then score each."""
        first = len(self.candidates)
        for _ in range(rewrites):
            await self._propose(number)
        for place in range(first, len(self.candidates)):
            await self._score(place)

    def best(self) -> int | None:
        """The candidate with the best mean on the training part, if it beats the original."""
        gains = [self._gain(candidate) for candidate in self.candidates]
        # The first of equals: later rounds had more chances.
        best = max(range(len(gains)), key=gains.__getitem__, default=None)
        return best if best is not None and gains[best] > 0 else None

    def with_text(self, text: str) -> Configuration:
        """The configuration with another instruction."""
        return with_prompt(self.runner.task.configuration, **{self.part: text})

    async def _propose(self, number: int) -> None:
        failures = worst(
            [record for record in self._best_so_far.records if record is not None],
            # Values beside their records, without the questions that were not reached.
            [v for v, r in zip(self._best_so_far.values, self._best_so_far.records, strict=True) if r is not None],
            self.runner.task.higher_is_better,
        )
        mode = mode_of(self.proposer, self.runner.models)
        spec = self.proposer
        if mode == "completion":
            # A completion goes on writing; its first line is the instruction.
            spec = spec.model_copy(update={"max_tokens": min(spec.max_tokens, 80), "stop": ("\n",)})
        request = proposal_request(self._text, self.part, failures, spec, mode, self._request_count)
        self._request_count += 1
        replies: list[Completion] = []

        async def call() -> Usage:
            self.runner.report(f"asking for rewrite {self._request_count}")
            try:
                # A list, since the call itself must hand back what it took.
                replies.append(await self.runner.models.chat(spec).complete(request))
            except EndpointError as error:
                # A refused call is a candidate that failed: the others go on, and the page says why.
                self.candidates.append(Candidate(round=number, text="", refused=str(error)))
                return Usage()
            return replies[0].usage

        if await self.runner.ask(call) and replies:
            text = instruction_in(replies[0].text)
            # Refused ones may be asked for again in other words.
            texts = [self.original, *(candidate.text for candidate in self.candidates if not candidate.refused)]
            # Completions end at a line or at their limit, so `length` says nothing about them.
            why = refusal(text, self.original, self.part, texts, replies[0].finish_reason if mode == "chat" else "")
            self.candidates.append(Candidate(round=number, text=text, refused=why))

    async def _score(self, place: int) -> None:
        candidate = self.candidates[place]
        if candidate.refused or self.runner.stop_reason:
            return
        label = f"training part: rewrite {place + 1}"
        result = await self.runner.measure(self.with_text(candidate.text), self.training, label)
        scored_candidate = candidate.model_copy(
            update={
                "summary": result.summary,
                "comparison": self.runner.compare(self.baseline, result),
                "complete": result.complete,
            }
        )
        self.candidates[place] = scored_candidate
        self._climb(scored_candidate, result)

    def _climb(self, candidate: Candidate, result: TrialResult) -> None:
        """The next round starts from the best so far."""
        # Incomplete ones are minus infinity and never lead.
        if self._gain(candidate) > self._best_gain:
            self._best_gain, self._text, self._best_so_far = self._gain(candidate), candidate.text, result

    def _gain(self, candidate: Candidate) -> float:
        if candidate.comparison is None or not candidate.complete:
            return float("-inf")
        return gain(candidate.comparison, self.runner.task.higher_is_better)


def _check_proposer(task: SearchTask, proposer: ModelSpec, models: Models) -> None:
    endpoint = models.endpoint(proposer.endpoint)
    # Every rewrite is a paid call, too.
    if task.budget.usd is not None and not endpoint.is_priced(proposer.name or endpoint.default_model):
        raise BadInput(
            f"A budget needs prices, and none is known for the writer on {endpoint.name}; set it in Settings."
        )


def _proposer_name(proposer: ModelSpec) -> str:
    if proposer.endpoint == BUILTIN:
        return "the built-in model"
    return f"{proposer.name or 'the default model'} on {proposer.endpoint}"
