"""What is embedded of a chunk where that is not its text: a summary, or the questions it answers, by a chat model."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from llmopt_core.cache import Cache
from llmopt_core.errors import OUTAGES, EndpointError
from llmopt_core.execution.concurrency import map_concurrently
from llmopt_core.models.base import ChatModel, ChatRequest, EmbeddingSpec, ModelSpec
from llmopt_core.models.finish import unusable
from llmopt_core.models.registry import Models
from llmopt_core.prompts.template import render
from llmopt_core.retrieval.completion_mode import uses_completion
from llmopt_core.types import Chunk, Failure, Message, Usage, fingerprint

STAGE = "embedded-text"
# Part of every key: raised where prompts or their reading change, so that texts written the old way count no more.
VERSION = 1
# More questions in one vector blur it; fewer leave parts of the chunk without one.
QUESTIONS = 3
_CONCURRENCY = 8  # calls at once; the endpoint's own limit may make it fewer
# Characters. A model that does not stop would push all else out of what the embedding model reads.
_LONGEST = 1_000
# So many failures before the first success mean that the model does not work at all.
_PATIENCE = 8

OnProgress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class EmbeddedTexts:
    """One text per chunk, in their order.

    Attributes:
        texts: What is embedded.
        of: What that is, such as `summary`.
        fallen_back: Chunks whose own text is embedded, because nothing could be written for them.
        reason: Why, of the first of them.
        usage: The calls that were made now.
    """

    texts: tuple[str, ...]
    of: str
    fallen_back: int = 0
    reason: str = ""
    usage: Usage = Usage()

    @property
    def warning(self) -> str:
        """One sentence where some chunks fell back to their text; else empty."""
        if not self.fallen_back:
            return ""
        lack = "no summary" if self.of == "summary" else "no questions"
        lack += " written for them, so their text is embedded"
        return f"{self.fallen_back:,} of {len(self.texts):,} chunks: {lack}: {self.reason}"


async def write_texts(
    chunks: Sequence[Chunk],
    spec: EmbeddingSpec,
    models: Models,
    *,
    identity: Any = None,
    limit: int | None = None,
    on_progress: OnProgress | None = None,
) -> EmbeddedTexts:
    """Let the spec's writer write for every chunk. Each distinct chunk is asked for once ever.

    Args:
        chunks: Their heading and text are what the model sees.
        spec: With `of` `summary` or `questions`.
        models: Of the current event loop.
        identity: Which weights write, in plain values; part of the key. By default the writer's spec.
        limit: Only so many of the chunks that are not written for yet; the others keep their text.
        on_progress: Called with the number of distinct chunks done and their total.

    Raises:
        EndpointError: The model failed for every chunk.
        OutOfBudget: The budget leaves no room for the next text; what was written is kept.
    """
    writing = _Writing(chunks, spec, models, identity, on_progress)
    await writing.run(limit)
    return writing.result()


def count_missing(chunks: Sequence[Chunk], spec: EmbeddingSpec, cache: Cache, identity: Any = None) -> int:
    """How many distinct chunks a model must still be asked about."""
    # A set: repeated chunks, such as a licence in every file, are written for once.
    keys = {_key(spec, identity, chunk) for chunk in chunks}
    return len(keys - cache.get_many(STAGE, keys).keys())


class _Writing:
    """One stretch of writing."""

    def __init__(
        self,
        chunks: Sequence[Chunk],
        spec: EmbeddingSpec,
        models: Models,
        identity: Any,
        on_progress: OnProgress | None,
    ) -> None:
        writer = spec.writer_model
        if writer is None:
            raise ValueError(f"nothing is written to embed the {spec.of} of a chunk")
        self._chunks, self._spec, self._models = chunks, spec, models
        self._writer = writer
        self._plain = uses_completion(writer, models)
        self._chat: ChatModel = models.chat(writer)
        self._keys = [_key(spec, identity, chunk) for chunk in chunks]
        self._on_progress = on_progress
        cached_values = models.cache.get_many(STAGE, set(self._keys))
        # A damaged value in the cache may end inside a character: better a wrong sign than no index.
        self._texts = {key: value.decode("utf-8", "replace") for key, value in cached_values.items()}
        self._usage = Usage()
        self._failures: list[Failure] = []

    async def run(self, limit: int | None) -> None:
        # By key, so that equal chunks ask once; the later chunk stands for the earlier, they are the same.
        distinct = {key: chunk for key, chunk in zip(self._keys, self._chunks, strict=True) if key not in self._texts}
        missing = list(distinct.items())[:limit]
        total = len(self._texts) + len(missing)

        def keep(_: int, item: tuple[str, Chunk], result: tuple[str, Usage] | Failure) -> None:
            self._keep(item[0], result, total)

        if self._on_progress is not None:
            self._on_progress(len(self._texts), total)
        await map_concurrently(
            missing, self._one, concurrency=_CONCURRENCY, on_result=keep, should_stop=self._should_stop, stage="embed"
        )
        # One success means that the model works, and what failed keeps its own text with a warning.
        if self._failures and not self._texts:
            raise EndpointError(
                f"The model that should write what is embedded failed for every chunk: {self._failures[0].message}",
                kind=self._failures[0].kind,
            )

    def result(self) -> EmbeddedTexts:
        # `or` and not a default of `get`: an empty text is known too, and nothing can be embedded of it.
        texts = tuple(self._texts.get(key) or chunk.text for key, chunk in zip(self._keys, self._chunks, strict=True))
        without = sum(not self._texts.get(key) for key in self._keys)
        reason = self._failures[0].message if self._failures else "the model wrote nothing usable."
        return EmbeddedTexts(texts, self._spec.of, without, reason if without else "", self._usage)

    async def _one(self, item: tuple[str, Chunk]) -> tuple[str, Usage]:
        completion = await self._chat.complete(_request(item[1], self._spec.of, self._writer, self._plain))
        # Cut while it still thought, or filtered: that is the model's failure, and must not be kept as "nothing to
        # say".
        if not completion.text.strip() and (fault := unusable(completion, self._writer.max_tokens)):
            raise EndpointError(fault, "bad-answer")
        return _usable(completion.text, self._spec.of, _template(self._spec.of, self._plain)), completion.usage

    def _keep(self, key: str, result: tuple[str, Usage] | Failure, total: int) -> None:
        if isinstance(result, Failure):
            self._failures.append(result)
        else:
            text, usage = result
            self._usage += usage
            self._texts[key] = text
            # An empty text is kept too: asking again would cost the same and give the same.
            # Surrogates that a model's answer may hold are no UTF-8.
            self._models.cache.put_many(STAGE, {key: text.encode("utf-8", "replace")})
        if self._on_progress is not None:
            self._on_progress(len(self._texts) + len(self._failures), total)

    def _should_stop(self) -> bool:
        """Whether the model does not work at all."""
        outages = sum(failure.kind in OUTAGES for failure in self._failures)
        # Only without any success: a busy endpoint fails now and then, and must not end a long indexing.
        return outages >= _PATIENCE and not self._texts


def _key(spec: EmbeddingSpec, identity: Any, chunk: Chunk) -> str:
    writer = spec.writer_model
    # By default the spec; a local model gives its weights, which may change under the same name.
    writer_identity = identity if identity is not None else writer and writer.model_dump(mode="json")
    return fingerprint(STAGE, VERSION, spec.of, writer_identity, chunk.heading, chunk.text)


def _request(chunk: Chunk, of: str, writer: ModelSpec, plain: bool) -> ChatRequest:
    text = render(_template(of, plain), {"heading": chunk.heading, "passage": chunk.text, "n": QUESTIONS})
    # A model that continues text would go on with the next example: a summary ends with its line, questions with a
    # blank.
    if plain and not writer.stop:
        writer = writer.model_copy(update={"stop": ("\n",) if of == "summary" else ("\n\n", "Passage:")})
    return ChatRequest((Message("user", text),), writer)


def _template(of: str, plain: bool) -> str:
    return (COMPLETION_PROMPTS if plain else CHAT_PROMPTS)[of]


def _usable(reply: str, of: str, template: str) -> str:
    """A summary on one line, or at most so many distinct questions, one per line; empty where there is neither.

    A weak model repeats the worked example of its prompt; that says nothing about the chunk.
    """
    if of == "summary":
        # A summary over several lines is made one, since a line break is what ends it in the prompts.
        line = " ".join(reply.split())[:_LONGEST]
        return "" if line in template else line
    # `- `, `* `, `1. `, `(2) ` or `3: ` before a question: lists are written in all these ways.
    lines = (re.sub(r"^\s*(?:[-*•]|\(?\d{1,2}[.):])\s*", "", line).strip() for line in reply.splitlines())
    # Latin, full-width and Arabic question marks; lines without one are talk ("Here are three questions").
    questions = [line for line in lines if line.endswith(("?", "？", "؟")) and line not in template]
    # Each distinct one once: repeating a question would only weigh its words double.
    return "\n".join(list(dict.fromkeys(questions))[:QUESTIONS])[:_LONGEST]


CHAT_PROMPTS = {
    "summary": """Summarise the passage in one sentence, in the language of the passage. Name what and whom it is
about, so that the sentence can be found by searching. Write only the sentence.
{% if heading %}
The passage stands under: {{ heading }}
{% endif %}
Passage:
{{ passage }}""",
    "questions": """Write {{ n }} different questions that the passage answers, in the language of the passage. Each
must be understandable without the passage: name what it asks about. One per line, nothing else.
{% if heading %}
The passage stands under: {{ heading }}
{% endif %}
Passage:
{{ passage }}""",
}

COMPLETION_PROMPTS = {
    "summary": """Passage: The Eiffel Tower in Paris was built between 1887 and 1889 as the entrance to the World's
Fair. It was first criticised by artists, but has become a symbol of France.
Summary: The Eiffel Tower was built in Paris for the World's Fair of 1889 and became a symbol of France.

Passage: {{ passage }}
Summary:""",
    "questions": """Passage: The Eiffel Tower in Paris was built between 1887 and 1889 for the World's Fair.
Questions:
When was the Eiffel Tower built?
Where does the Eiffel Tower stand?
For which event was the Eiffel Tower built?

Passage: {{ passage }}
Questions:
""",
}
