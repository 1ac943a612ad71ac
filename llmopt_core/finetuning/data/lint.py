"""What is wrong with a training file, before money is spent on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from llmopt_core.errors import BadInput
from llmopt_core.finetuning.data.examples import ChatMessage, Kind, TrainingExample, TrainingSet, from_openai
from llmopt_core.finetuning.data.leakage import LeakageDetector
from llmopt_core.finetuning.data.lint_report import CheckReport, LineProblem
from llmopt_core.finetuning.data.reading import RawExample, read_examples
from llmopt_core.finetuning.data.rules import Problem, check_example, is_preference
from llmopt_core.finetuning.data.secret_hints import secret_kinds
from llmopt_core.finetuning.data.similarity import NearDuplicates
from llmopt_core.finetuning.data.tokens import (
    TokenCounter,
    billing_counter,
    conversation_tokens,
    default_epochs,
    tools_tokens,
)
from llmopt_core.types import EvaluationSet

# OpenAI refuses a job with fewer.
MIN_EXAMPLES = 10
# What the smallest models that are offered for fine-tuning read; longer examples are cut in silence.
DEFAULT_TOKEN_LIMIT = 4_096
# Of each kind, so that what is everywhere does not hide what is rare.
MOST_LINES = 1_000
# What is remembered of earlier examples is bounded, so that a file of any size fits in memory.
NEAR_LIMIT = 50_000
# Beyond this, looking for near repeats takes longer than anybody waits for a check.
NEAR_CHARACTERS = 50_000_000
REPEATS_LIMIT = 1_000_000
# Powers of two, as the limits of models are; upper bounds in tokens.
_BINS = (32, 64, 128, 256, 512, 1_024, 2_048, 4_096, 8_192, 16_384, 65_536)


@dataclass(frozen=True)
class CheckSettings:
    """How a file is checked.

    Attributes:
        evaluation_sets: Leakage against these is searched for, exact and near.
        token_limit: Longer examples are a finding, and are billed up to this length.
        price_per_million: USD per million training tokens, where known.
        counter: Counts tokens; cl100k_base by default.
    """

    evaluation_sets: Sequence[EvaluationSet] = ()
    token_limit: int = DEFAULT_TOKEN_LIMIT
    price_per_million: float | None = None
    counter: TokenCounter | None = None


def check_file(
    source: Path | bytes,
    name: str = "",
    settings: CheckSettings | None = None,
    *,
    columns: Mapping[str, str] | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> CheckReport:
    """Check a JSONL or CSV training file in one pass, holding hashes rather than examples.

    Args:
        source: The file, or the bytes of an upload.
        settings: Limits, prices and evaluation sets to compare with.
        name: File name shown in messages; needed for bytes.
        columns: As of `read_examples`.
        on_progress: Called before each line is looked at, with the examples checked and the bytes read so far.

    Raises:
        BadInput: The file cannot be read as training data at all.
    """
    name = name or (source.name if isinstance(source, Path) else "")
    checker = _Checker(settings or CheckSettings())
    # A closure over the checker: the reader knows the bytes, the checker the examples.
    on_read = (lambda read: on_progress(checker.examples, read)) if on_progress else None
    for raw in read_examples(source, name, columns, on_read):
        checker.add(raw)
    # Blank lines alone, or a table with a header only.
    if not checker.examples:
        raise BadInput(f"{name}: there is no example in it; it needs one training example per line or row.")
    return checker.report(name)


def check_set(training: TrainingSet, settings: CheckSettings | None = None) -> CheckReport:
    """Check examples in memory; the line of a problem is the example's position, counted from 1."""
    checker = _Checker(settings or CheckSettings())
    for number, example in enumerate(training.examples, 1):
        checker.add(RawExample(number, example.to_openai()), example)
    return checker.report(training.name)


@dataclass
class _Checker:
    """Adds up one file, example by example."""

    settings: CheckSettings
    examples: int = 0
    first_kind: Kind | None = None
    counts: Counter[tuple[str, bool]] = field(default_factory=Counter)
    lines: list[LineProblem] = field(default_factory=list)
    omissions: int = 0
    # One more bin than bounds, for what is longer than all of them.
    bins: list[int] = field(default_factory=lambda: [0] * (len(_BINS) + 1))
    billing: int = 0
    longest: int = 0
    # 64-bit hashes: of whole examples -> line; of inputs -> (hash of the example, line).
    hashes: dict[int, int] = field(default_factory=dict)
    inputs: dict[int, int] = field(default_factory=dict)
    # Forms of other tools that examples were converted from.
    forms: Counter[str] = field(default_factory=Counter)
    near: NearDuplicates = field(default_factory=NearDuplicates)
    near_characters: int = 0
    near_count: int = 0

    def __post_init__(self) -> None:
        self.counter = self.settings.counter or billing_counter()
        self.limit = self.settings.token_limit
        self.leakage = LeakageDetector(self.settings.evaluation_sets)

    def add(self, raw: RawExample, example: TrainingExample | None = None) -> None:
        self.examples += 1
        if raw.problem:
            kind = "invalid_json" if raw.problem.startswith("not valid JSON") else "invalid_row"
            words = f"of the form {raw.form}: {raw.problem}" if raw.form else raw.problem
            self._note(raw.line, Problem("unsupported_form" if raw.form else kind, words))
            return
        if raw.form:
            self.forms[raw.form] += 1
        problems = [*check_example(raw.value), *self._kind_problem(raw.value)]
        for problem in problems:
            self._note(raw.line, problem)
        # A broken example has no sure prompt and answer, so it is compared with nothing; its tokens are counted where
        # that is possible, as in OpenAI's notebook.
        if not any(problem.is_error for problem in problems):
            self._good(raw.line, example or from_openai({**raw.value, **raw.about}))
        elif messages := _readable_messages(raw.value):
            self._messages(raw.line, messages, tools=_readable_tools(raw.value))

    def _kind_problem(self, value: Any) -> list[Problem]:
        kind: Kind = "preference" if is_preference(value) else "chat"
        # The first example says what the file is: with a vote of all, early lines would have to be kept.
        self.first_kind = self.first_kind or kind
        if kind == self.first_kind:
            return []
        return [Problem("mixed_kinds", f"a {kind} example in a file that began with {self.first_kind} examples")]

    # Counted always, kept up to a bound, so that totals are right in files with a million faults.
    def _note(self, line: int, problem: Problem) -> None:
        self.counts[problem.kind, problem.is_error] += 1
        if self.counts[problem.kind, problem.is_error] <= MOST_LINES:
            self.lines.append(LineProblem(line, *problem))
        else:
            self.omissions += 1

    def _finding(self, line: int, kind: str, message: str) -> None:
        self._note(line, Problem(kind, message, is_error=False))

    def _good(self, line: int, example: TrainingExample) -> None:
        self._messages(line, example.messages, (*example.preferred, *example.rejected), example.tools)
        self._repeats(line, example)
        if leak := self.leakage.problem(example):
            self._note(line, leak)

    def _messages(
        self,
        line: int,
        messages: Sequence[ChatMessage],
        outputs: Sequence[ChatMessage] = (),
        tools: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        roles = [message.get("role") for message in messages]
        if "system" not in roles and "developer" not in roles:
            self._finding(line, "missing_system_message", "there is no system message")
        if "user" not in roles:
            self._finding(line, "missing_user_message", "there is no user message")
        self._tokens(line, (*messages, *outputs), tools)

    def _tokens(self, line: int, messages: Sequence[ChatMessage], tools: Sequence[Mapping[str, Any]]) -> None:
        total = conversation_tokens(messages, self.counter) + tools_tokens(tools, self.counter)
        # A service cuts off what is longer and does not bill it.
        self.billing += min(self.limit, total)
        self.longest = max(self.longest, total)
        # The last bin has no bound, for which there is no index in `_BINS`.
        self.bins[next((i for i, limit in enumerate(_BINS) if total <= limit), len(_BINS))] += 1
        if kinds := secret_kinds(messages):
            self._finding(line, "possible_secret", f"it seems to hold {' and '.join(kinds)}; do not train on that")
        if total > self.limit:
            self._finding(line, "over_token_limit", f"{total:,} tokens; what is over {self.limit:,} may be cut off")

    def _repeats(self, line: int, example: TrainingExample) -> None:
        # 64-bit numbers take half of the memory of their hexadecimal texts. Two examples in a million with one hash:
        # a chance of 1 in 40 million.
        example_hash, input_hash = int(example.key, 16), int(example.input_key, 16)
        if earlier := self.hashes.get(example_hash):
            # An exact repetition is told once; it would also be a near one, and of the same input.
            self._finding(line, "duplicate", f"the same as line {earlier}")
            return
        first = self.inputs.get(input_hash)
        # Beyond the limit known examples are still looked up, only no further ones are remembered.
        if len(self.hashes) < REPEATS_LIMIT:
            self.hashes[example_hash] = line
            # The first line with an input is the one that is named.
            self.inputs.setdefault(input_hash, line)
        # Two pairs with one input are normal: people rank several answers to one prompt.
        if first is not None and not example.is_preference:
            self._finding(line, "conflicting_answer", f"the same input as line {first}, with another answer")
        elif near_line := self._near(line, example):
            self._finding(line, "near_duplicate", f"nearly the same as line {near_line}")

    def _near(self, line: int, example: TrainingExample) -> int | None:
        if self.examples > NEAR_LIMIT or self.near_characters > NEAR_CHARACTERS:
            return None
        self.near_count = self.examples
        self.near_characters += len(example.question) + len(example.answer)
        return self.near.add(example, line)

    def _bounds(self) -> None:
        """Say so where a bound was reached, so that nothing found is not taken for nothing there."""
        if self.examples > NEAR_LIMIT or self.near_characters > NEAR_CHARACTERS:
            words = f"searched in the first {self.near_count:,} examples only"
            self._finding(0, "near_duplicates_not_all_searched", words)
        # Line 0 is the file as a whole.
        if len(self.hashes) >= REPEATS_LIMIT:
            self._finding(0, "repetitions_not_all_searched", f"compared with {REPEATS_LIMIT:,} different examples only")

    def report(self, name: str) -> CheckReport:
        if self.examples < MIN_EXAMPLES:
            # OpenAI's own advice on where to begin.
            message = f"{self.examples} examples; at least {MIN_EXAMPLES} are needed, 50 to 100 are a good start"
            self._finding(0, "fewer_than_10_examples", message)
        for form, number in self.forms.items():
            words = f"{number:,} examples of the form {form} are read, and trained on, as OpenAI's conversations"
            self._finding(0, "converted_form", words)
        self._bounds()
        epochs = default_epochs(self.examples)
        price = self.settings.price_per_million
        return CheckReport(
            name=name,
            kind=self.first_kind or "chat",
            examples=self.examples,
            errors={kind: n for (kind, is_error), n in sorted(self.counts.items()) if is_error},
            findings={kind: n for (kind, is_error), n in sorted(self.counts.items()) if not is_error},
            billing_tokens=self.billing,
            epochs=epochs,
            token_limit=self.limit,
            longest=self.longest,
            # None is the bound of the last bin.
            histogram=tuple(zip((*_BINS, None), self.bins, strict=True)),
            lines=tuple(sorted(self.lines, key=lambda p: p.line)),
            lines_left_off=self.omissions,
            cost_usd=None if price is None else price * epochs * self.billing / 1e6,
        )


def _readable_messages(value: Any) -> list[ChatMessage]:
    """The messages of a conversation that breaks a rule; none where they are no list of objects."""
    # A list of texts, or an object instead of the list, cannot be counted.
    messages = value.get("messages") if isinstance(value, Mapping) else None
    readable = isinstance(messages, list) and all(isinstance(message, Mapping) for message in messages)
    return list(messages or ()) if readable else []


def _readable_tools(value: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    tools = value.get("tools")
    return [tool for tool in tools if isinstance(tool, Mapping)] if isinstance(tools, list) else []
