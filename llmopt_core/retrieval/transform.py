"""Question -> what is searched with: itself, invented passages, other wordings, its parts, a broader question."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from llmopt_core.errors import EndpointError
from llmopt_core.execution.concurrency import run_together
from llmopt_core.execution.timing import makespan
from llmopt_core.models.base import ChatRequest, Completion, ModelSpec
from llmopt_core.models.finish import unusable
from llmopt_core.models.registry import Models
from llmopt_core.prompts.template import render
from llmopt_core.retrieval.completion_mode import uses_completion
from llmopt_core.retrieval.spec import TransformSpec
from llmopt_core.types import Message, StageTrace, Usage


@dataclass(frozen=True, slots=True)
class Query:
    """One search: words are looked up for `text`, meaning for the mean of the vectors of text and passages."""

    text: str
    passages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """What one question, or one part of it, is searched with. Its candidates are ranked against `text`."""

    text: str
    queries: tuple[Query, ...]


@dataclass(frozen=True, slots=True)
class TransformResult:
    """The parts of one question, each to be ranked by itself and then merged by turns, and the trace."""

    parts: tuple[Part, ...]
    trace: StageTrace

    @property
    def texts(self) -> list[str]:
        """Everything that is searched by meaning."""
        return [text for part in self.parts for query in part.queries for text in (query.text, *query.passages)]

    @property
    def passages(self) -> set[str]:
        """Those of the texts that stand for a passage, and not for a question."""
        texts = {text for part in self.parts for query in part.queries for text in query.passages}
        # A wording that is also searched by itself is a question: one text can have one vector only.
        return texts - {query.text for part in self.parts for query in part.queries}


async def transform(
    question: str, spec: TransformSpec, models: Models, texts: Sequence[str] | None = None
) -> TransformResult:
    """Make the searches of a question.

    Where the endpoint fails or writes nothing usable, the question itself is searched, and the trace has a warning.

    Args:
        question: As asked.
        spec: The method and its model.
        models: To reach the model.
        texts: Written by hand (or kept from earlier and edited) in place of the model's.

    Raises:
        BadInput: The prompt is wrong.
    """
    start = time.perf_counter()
    if spec.method == "none":
        return _searches(question, "none", [], StageTrace("transform", "none", (question,)))
    usage, warning, call_seconds = Usage(), "", 0.0
    if texts is None:
        try:  # nothing is written anew where texts were given by hand
            completions, failures = await _write(question, spec, models)
            usage = sum((completion.usage for completion in completions), Usage())
            call_seconds = makespan(
                [completion.seconds for completion in completions], models.at_most(spec.model.endpoint)
            )
            texts = _texts(spec, [completion.text for completion in completions])
            # What succeeded is searched, with a warning of what is missing.
            warning = f"{len(failures)} of {spec.n} passages failed: {failures[0]}" if failures else ""
            # An empty reply: cut while it thought, or filtered; the first such reason is told.
            fault = next(
                filter(None, (unusable(one, spec.model.max_tokens) for one in completions if not one.text)), ""
            )
            warning = warning if texts else _NOTHING.format(spec.method, fault or "the model wrote nothing usable.")
        except EndpointError as error:
            texts, warning = [], f"{spec.method} failed: {error} The question itself is searched."
    texts = [text.strip() for text in texts if text.strip()]
    # The time of the calls, also where they came from the cache; else the clock.
    seconds = call_seconds or time.perf_counter() - start
    trace = StageTrace("transform", spec.method, tuple(texts), seconds=seconds, usage=usage, warning=warning)
    return _searches(question, spec.method, texts, trace)


def _searches(question: str, method: str, texts: Sequence[str], trace: StageTrace) -> TransformResult:
    if method == "decompose" and texts:
        # Each part is a search and a ranking of its own: what answers one half is not what answers the other.
        return TransformResult(tuple(Part(text, (Query(text),)) for text in _distinct(texts)), trace)
    if method == "hyde":
        queries: Iterable[Query] = [Query(question, tuple(texts))]
    else:
        # The question itself stays among its wordings: rewriting may lose what it asks.
        queries = map(Query, _distinct([question, *texts]))
    return TransformResult((Part(question, tuple(queries)),), trace)


async def _write(question: str, spec: TransformSpec, models: Models) -> tuple[list[Completion], list[EndpointError]]:
    """Ask the model: once, or for HyDE once per passage. What fails while others succeed is left out.

    Raises:
        EndpointError: All failed.
    """
    chat = models.chat(spec.model)
    # Wordings come in one answer; passages are sampled, each in a call of its own.
    repeats = spec.n if spec.method == "hyde" else 1
    plain = uses_completion(spec.model, models)

    async def call(number: int) -> Completion | EndpointError:
        try:
            return await chat.complete(_request(question, spec, number, plain))
        except EndpointError as error:
            # Returned, not raised: `run_together` would end the other calls with the first error.
            return error

    answers = await run_together(map(call, range(repeats)))
    failures = [answer for answer in answers if isinstance(answer, EndpointError)]
    if len(failures) == len(answers):
        raise failures[0]
    return [answer for answer in answers if isinstance(answer, Completion)], failures


def _request(question: str, spec: TransformSpec, number: int, plain: bool) -> ChatRequest:
    text = render(spec.prompt or default_prompt(spec.method, plain), {"question": question, "n": spec.n})
    # `repeat` makes the calls of one prompt different to the cache, which would answer all with the first.
    return ChatRequest((Message("user", text),), _model(spec, number, plain), repeat=number)


def default_prompt(method: str, plain: bool) -> str:
    """The prompt of a method, for a model that continues plain text or one that chats."""
    return (COMPLETION_PROMPTS if plain else CHAT_PROMPTS)[method]


def _model(spec: TransformSpec, number: int, plain: bool) -> ModelSpec:
    """The model with what the method needs: passages must differ, and a completion must know where to end."""
    changes: dict[str, object] = {}
    if spec.method == "hyde" and spec.n > 1:
        # Gao et al. 2022 sample at 0.7; at 0 all passages would be the same.
        changes["temperature"] = spec.model.temperature or 0.7
        # A seed for each, as equal seeds give equal passages at services that honour them.
        changes["seed"] = (spec.model.seed or 0) + number
    if plain and not spec.model.stop:
        # Lists end with a blank line or the next example, single sentences with their line.
        changes["stop"] = ("\n\n", "Question:") if spec.method in ("multi-query", "decompose") else ("\n",)
    return spec.model.model_copy(update=changes)


def _texts(spec: TransformSpec, replies: Sequence[str]) -> list[str]:
    if spec.method == "hyde":
        return [text.strip() for text in replies if text.strip()]
    # Distinct after the marks are gone: `1. Who` and `- Who` are the same.
    lines = _distinct(line for text in replies for line in map(_bare, text.splitlines()) if line)
    # The first ones: models write more lines than they are asked for.
    return lines[: 1 if spec.method == "step-back" else spec.n]


def _bare(line: str) -> str:
    """A line without its number, bullet or quotation marks."""
    # `1. `, `(2) `, `3: `, `- ` or `•` before, quotation marks around: all are ways to write a list.
    return re.sub(r"^\s*(?:[-*•]|\(?\d{1,2}[.):])\s*", "", line).strip().strip('"“”').strip()


def _distinct(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(texts))


_NOTHING = "{}: {} The question itself is searched."

CHAT_PROMPTS = {
    "hyde": """Write a short passage, as it would stand in a reference document, that answers the question.
Write only the passage.

Question: {{ question }}""",
    "multi-query": """Write {{ n }} different wordings of the question that could find the answer in a document search.
Use other words where you can; keep names and the language of the question. One per line, nothing else.

Question: {{ question }}""",
    "decompose": """Split the question into the simpler questions that must be answered first, at most {{ n }}, each
understandable on its own. One per line, nothing else. If the question is already simple, repeat it.

Question: {{ question }}""",
    "step-back": """Write one more general question whose answer gives the background needed for this question.
Write only that question.

Question: {{ question }}""",
}

COMPLETION_PROMPTS = {
    "hyde": """Write one sentence from an encyclopedia that answers the question.

Question: When was the Eiffel Tower completed?
Sentence: The Eiffel Tower in Paris was completed on 31 March 1889 for the World's Fair.

Question: Who explained the waggle dance of bees?
Sentence: The waggle dance of honey bees was explained by the Austrian scientist Karl von Frisch.

Question: {{ question }}
Sentence:""",
    "multi-query": """Write other wordings of each question, one per line.

Question: When was the Eiffel Tower completed?
1. In which year was the building of the Eiffel Tower finished?
2. What is the completion date of the Eiffel Tower?
3. When did work on the Eiffel Tower end?

Question: {{ question }}
1.""",
    "decompose": """Split each question into simple questions, one per line.

Question: When was the Eiffel Tower completed and who explained the waggle dance of bees?
1. When was the Eiffel Tower completed?
2. Who explained the waggle dance of bees?

Question: What is the capital of the country where the Rhine begins?
1. In which country does the Rhine begin?
2. What is the capital of that country?

Question: {{ question }}
1.""",
    "step-back": """Write a more general question behind each question.

Question: When was the Eiffel Tower completed?
General question: What is the history of the Eiffel Tower?

Question: Who explained the waggle dance of bees?
General question: What is known about how bees communicate?

Question: {{ question }}
General question:""",
}
