"""What this process has looked at lately, so that a page drawn again asks nothing again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from llmopt_core.errors import Cancellation, LlmOptError, StorageError
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.keys import example_identity
from llmopt_core.jobs.context import JobContext
from llmopt_core.jobs.kind import JobKind
from llmopt_core.labs.retrieval.question_inspection import Inspection, QuestionLab
from llmopt_core.models.registry import Models
from llmopt_core.settings import Settings
from llmopt_core.types import Example, Spec, fingerprint

LOOK = "retrieval-look"
# An inspection holds its chunks and traces in memory; more are hardly looked at in a session.
_LIMIT = 64
_UNIT = "configurations"  # What is counted; a look goes through one or a few.


class InspectionCache:
    """Inspections by key, the least recently used dropped first. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inspections: OrderedDict[str, Inspection] = OrderedDict()
        # Kept apart: a problem may be forgiven without forgetting what was seen.
        self._problems: OrderedDict[str, str] = OrderedDict()
        # Indexes that this process has opened.
        self._open: set[str] = set()

    def get(self, key: str) -> Inspection | None:
        """What was seen; None where it must be looked at."""
        with self._lock:
            inspection = self._inspections.get(key)
            if inspection is not None:
                self._inspections.move_to_end(key)
            return inspection

    def put(self, key: str, inspection: Inspection, open_index: str | None = None) -> None:
        """Keep an inspection, and which index is open by now."""
        with self._lock:
            # Seen now, so what went wrong before is over.
            self._problems.pop(key, None)
            self._inspections[key] = inspection
            self._inspections.move_to_end(key)
            if open_index is not None:
                self._open.add(open_index)
            # The least recently used stands first.
            while len(self._inspections) > _LIMIT:
                self._inspections.popitem(last=False)

    def problem(self, key: str) -> str:
        """Why it could not be looked at the last time; empty where nothing went wrong."""
        with self._lock:
            return self._problems.get(key, "")

    def fail(self, key: str, problem: str) -> None:
        """Keep why it could not be looked at."""
        with self._lock:
            self._problems[key] = problem
            # Messages are short; the same limit keeps them from growing without end.
            while len(self._problems) > _LIMIT:
                self._problems.popitem(last=False)

    def forgive(self, key: str) -> None:
        """Let it be looked at again."""
        with self._lock:
            self._problems.pop(key, None)

    def is_open(self, index: str) -> bool:
        """Whether this process has searched that index, so that the next search is fast."""
        with self._lock:
            return index in self._open


def look_key(
    documents: str, configuration: Configuration, example: Example, texts: Sequence[str] | None, models: str = ""
) -> str:
    """What decides an inspection.

    Args:
        documents: Stands for all of their texts.
        configuration: Of the side.
        example: What is asked.
        texts: Written by hand in place of the question.
        models: Stands for the weights and addresses behind the configuration's names (see `keys.lab_identity`).
    """
    # The example by what it says: its id does not change what is found.
    parts = [configuration.fingerprint, models, example_identity(example)]
    return fingerprint(documents, parts, None if texts is None else list(texts))


def index_key(documents: str, configuration: Configuration) -> str:
    """What decides the index a configuration searches."""
    spec = configuration.retrieval
    # Cutting and embedding make the index; search and rerank only read it.
    return fingerprint(documents, spec and [spec.chunking.fingerprint, spec.embedding.fingerprint])


def is_quick(configuration: Configuration) -> bool:
    """Whether retrieval asks no chat model and loads no foreign one."""
    spec = configuration.retrieval
    if spec is None:
        return False
    routes = spec.routing.routes.values() if spec.routing else ()
    plain = all(
        (one.transform is None or one.transform.method == "none")
        # Late interaction is built in; other rerankers load or call a model.
        and (one.rerank is None or one.rerank.method in ("none", "late-interaction"))
        for one in routes
    )
    uses_llm = spec.routing is not None and spec.routing.method == "llm"
    own = spec.transform.method == "none" and spec.rerank.method in ("none", "late-interaction")
    # An endpoint is a call, however fast it may be.
    return own and plain and not uses_llm and not spec.embedding.endpoint


def load_ahead(configuration: Configuration, make_models: Callable[[], Models]) -> threading.Thread:
    """Begin to load what the first look at a quick configuration needs, so that it has less to wait for.

    What goes wrong is told by the look itself.
    """

    def load() -> None:
        spec = configuration.retrieval
        # A missing package or a model that is not there: the look says so, with what to do.
        with suppress(LlmOptError, ImportError):
            if spec is not None and not spec.embedding.endpoint:
                make_models().embedder(spec.embedding)
            # A slow import, which the first search would wait for.
            import_module("chromadb")

    # A daemon: it must not keep the program from ending.
    thread = threading.Thread(target=load, name="load ahead", daemon=True)
    thread.start()
    return thread


_caches: dict[Path, InspectionCache] = {}
_caches_lock = threading.Lock()


def inspections_of(settings: Settings) -> InspectionCache:
    """What this process has looked at in a workspace."""
    with _caches_lock:
        # By workspace: tests and several apps in one process do not see each other's.
        return _caches.setdefault(settings.home, InspectionCache())


class LookSide(Spec):
    """One configuration that a question is looked at through.

    Attributes:
        texts: Written by hand in place of the question.
        key: Of the inspection.
        index: The key of the index that it searches.
    """

    configuration: Configuration
    texts: tuple[str, ...] | None
    key: str
    index: str


class LookArguments(Spec):
    """One question, looked at through several configurations; `keys` and `configurations` are for lists of jobs."""

    keys: tuple[str, ...]
    configurations: tuple[str, ...]
    sides: tuple[LookSide, ...]
    example: Example


def look_arguments(sides: Sequence[LookSide], example: Example) -> LookArguments:
    """A look as arguments."""
    return LookArguments(
        keys=tuple(side.key for side in sides),
        configurations=tuple(side.configuration.name for side in sides),
        sides=tuple(sides),
        example=example,
    )


def look(context: JobContext, arguments: LookArguments) -> dict[str, Any]:
    """Look at one question through several configurations; what is seen goes into the memory of this process.

    What cannot be looked at is told there too and stops no other; only where nothing is seen the job fails.
    """
    cache, sides = inspections_of(context.settings), arguments.sides
    documents = context.store.documents(context.project)
    problems: list[LlmOptError] = []

    async def look_through_all(models: Models) -> None:
        for number, side in enumerate(sides):
            name = side.configuration.name
            context.report({"done": number, "total": len(sides), "unit": _UNIT, "message": name})
            try:
                lab = QuestionLab(side.configuration, documents, models)
                inspection = await lab.look(
                    arguments.example, texts=side.texts, on_progress=_progress_of(context, name)
                )
                # None where it came from the cache: then the index was never opened.
                cache.put(side.key, inspection, side.index if lab.has_searched else None)
            except (Cancellation, StorageError):
                # A stop and a full disk are not of this configuration; they end the look.
                raise
            except LlmOptError as error:
                cache.fail(side.key, str(error))
                problems.append(error)
        # Nothing was seen: the page would have nothing but messages to show.
        if len(problems) == len(sides):
            raise problems[0]

    # `drops`: nothing is kept of a look that is cancelled, so it may be dropped at once.
    context.work(look_through_all, drops=True)
    return {"looked": list(arguments.keys)}


def _progress_of(context: JobContext, name: str) -> Callable[[int, int], None]:
    def see(count: int, total: int) -> None:
        context.report({"done": count, "total": total, "unit": "texts", "message": f"{name}: indexing"})

    return see


LOOK_KIND = JobKind(LOOK, LookArguments, look, "Looking up a question with", "interactive")
