"""What the components of a configuration take per question: time and tokens, without what a cache saved."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import count
from statistics import median

from llmopt_core.cache import Cache
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.labs.retrieval.components import FACT_CHECK, FACT_CHECK_AND_REFUSAL, REFUSAL
from llmopt_core.labs.retrieval.subject import Subject
from llmopt_core.retrieval.result import Retrieval
from llmopt_core.retrieval.retrieve import Retriever
from llmopt_core.retrieval.spec import RerankSpec, RetrievalSpec
from llmopt_core.statistics.tables import mean
from llmopt_core.types import Example, Record, Spec, StageTrace, Usage

# A guess: more of them make the time surer and the wait longer.
PILOT = 8
"""Questions whose local stages are done again, past the cache, so that their time is the true one."""


# Of the whole process: no question has had so many spaces before, so none is in a cache.
_suffix_lengths = count(1)


class Cost(Spec):
    """What one question takes, as it was when its calls were made.

    Attributes:
        seconds: The median (of answer checks the mean, since many answers pass without); None where it could not be
            measured.
        tokens: Prompt and completion, the mean; None where all calls were kept before their tokens were.
        usd: The mean; None without a price list.
    """

    seconds: float | None = None
    tokens: float | None = None
    usd: float | None = None


@dataclass(frozen=True, slots=True)
class CostPilot:
    """A few questions as they were searched the first time, and again past the cache."""

    first: tuple[Retrieval, ...]
    again: tuple[Retrieval, ...]

    def cost(self, selects: Callable[[StageTrace], bool]) -> Cost:
        """What those stages take per question."""
        return _cost([_add_costs(one, other, selects) for one, other in zip(self.first, self.again, strict=True)])

    def components(self) -> dict[str, Cost]:
        """By the names of `retrieval.ablation.variants` what each component takes."""
        names = {name for one in self.first for stage in one.trace for name in _components(stage)}
        # Sorted, since a set has no order; `name=name` binds it now. mypy cannot type such a lambda.
        return {name: self.cost(lambda stage, name=name: name in _components(stage)) for name in sorted(names)}  # type: ignore[misc]


async def measure_pilot(subject: Subject) -> CostPilot:
    """Search a few of the examples again, of those with references where there are some, one after the other.

    Stages on this machine are done past the cache. What models wrote is never asked for again: its time and tokens are
    those of the first time, where they are still known.
    """
    pipeline = subject.pipeline()
    retriever = await pipeline.retriever()
    # Questions with references are those that are measured, and may be found in the cache.
    pilot = (subject.with_gold or subject.examples)[:PILOT]
    retrievals = [await pipeline.retrieve(example) for example in pilot]
    # An endpoint would be paid again for its vectors; a router's examples are embedded once for all questions.
    again_too = retriever.spec.routing is None and not retriever.spec.embedding.endpoint
    past = _Forgetful(subject.models.cache, {"rerank", "embedding"} if again_too else {"rerank"})
    # Routes differ in their settings; each has its own retriever, with one index.
    retrievers: dict[str, Retriever] = {}
    # The first question loads what the others find loaded, so it is asked twice.
    pairs = zip([*pilot[:1], *pilot], [*retrievals[:1], *retrievals], strict=True)
    again = []
    for example, retrieval in pairs:
        spec = _on_this_machine(retriever.spec, retrieval.category)
        fresh = retrievers.setdefault(spec.fingerprint, Retriever(spec, retriever.index, subject.models, past))
        again.append(await _again(fresh, example, retrieval))
    return CostPilot(tuple(retrievals), tuple(again[1:]))


def _on_this_machine(spec: RetrievalSpec, category: str | None) -> RetrievalSpec:
    """The settings of a category without the stages that ask a chat model, whose time is that of the first time."""
    category_spec = spec.for_category(category)
    changes: dict[str, object] = {}
    # A model's ranking is not asked for again: it is paid, and slow for reasons of its own.
    if _asks_model(category_spec.rerank.method):
        changes["rerank"] = RerankSpec()
    if category_spec.routing is not None:
        # The router still runs, for its time, but has no routes: these are the settings of one already.
        nobody = category_spec.routing.model_copy(update={"routes": {}})
        changes["routing"] = None if _asks_model(category_spec.routing.method) else nobody
    return category_spec.model_copy(update=changes)


async def _again(retriever: Retriever, example: Example, earlier: Retrieval) -> Retrieval:
    """The same retrieval with the texts that were written the first time.

    White space that no model sees makes the question one that nothing is kept of: its vectors are made again, but where
    an endpoint would be paid for them.
    """
    query_lists = [stage.queries for stage in earlier.trace if stage.stage == "transform" and stage.method != "none"]
    padding = "" if retriever.spec.embedding.endpoint else " " * next(_suffix_lengths)
    # One transform at most in a trace.
    texts = query_lists[0] if query_lists else None
    return await retriever.retrieve(f"{example.question}{padding}", example.category, texts=texts)


def answer_costs(
    costs: Mapping[str, Cost],
    total: Cost,
    configuration: Configuration,
    variants: Mapping[str, Configuration],
    records: Mapping[str, Sequence[Record]],
) -> tuple[dict[str, Cost], Cost]:
    """The same with answers: the fact check costs what they take less without it, and the total holds them."""
    whole = _answer_costs(records.get(configuration.name, ()))
    all_costs = dict(costs)
    for name in (FACT_CHECK, REFUSAL, FACT_CHECK_AND_REFUSAL):
        if name in variants:
            all_costs[name] = _fact_check_cost(whole, _answer_costs(records.get(variants[name].name, ())))
    answers = _cost(list(whole.values()))
    return all_costs, Cost(
        seconds=_more(total.seconds, answers.seconds),
        tokens=_more(total.tokens, answers.tokens),
        usd=_more(total.usd, answers.usd),
    )


def _answer_costs(records: Sequence[Record]) -> dict[str, _Cost]:
    """By example what its answer took."""
    return {
        record.example.id: _Cost(record.answer.seconds, record.answer.usage.original)
        for record in records
        if record.answer is not None
    }


def _fact_check_cost(whole: Mapping[str, _Cost], without: Mapping[str, _Cost]) -> Cost:
    """The mean difference over the questions that both answered; what both did alike falls out of it."""
    # By question: long answers on one side only would look like a cost of the check.
    pairs = [(whole_cost, without[example]) for example, whole_cost in whole.items() if example in without]
    usages = [(a.usage, b.usage) for a, b in pairs if a.usage is not None and b.usage is not None]
    costs = [_less(a.cost_usd, b.cost_usd) for a, b in usages]
    return Cost(
        seconds=mean([a.seconds - b.seconds for a, b in pairs]),
        tokens=mean([_tokens(a) - _tokens(b) for a, b in usages]),
        # One unknown price leaves no honest mean.
        usd=mean([cost for cost in costs if cost is not None]) if None not in costs else None,
    )


def _components(stage: StageTrace) -> tuple[str, ...]:
    """The components whose removal spares this stage."""
    if stage.stage == "transform":
        return (f"without {stage.method}",) if stage.method != "none" else ()
    if stage.stage == "rerank":
        return (f"without rerank ({stage.method})",)
    if stage.stage == "embed":
        return ("without dense",)
    if stage.stage == "search":
        return (f"without {stage.method}",)
    if stage.stage == "route":
        return ("without routing",)
    # Stages of selection go by their method; a fusion and the cut at `top-k` cannot be left out by themselves.
    return {"mmr": ("without mmr",), "threshold": ("without threshold",)}.get(stage.method, ())


@dataclass(frozen=True, slots=True)
class _Cost:
    """What some stages of one question took; no usage where it is not known any more."""

    seconds: float
    usage: Usage | None


def _add_costs(first: Retrieval, again: Retrieval, selects: Callable[[StageTrace], bool]) -> _Cost:
    """Model calls as they were the first time, work on this machine as it was past the cache."""
    model_stages = [stage for stage in first.trace if selects(stage) and _asks_model(stage.method)]
    here = [stage for stage in again.trace if selects(stage) and not _asks_model(stage.method)]
    # Work on this machine takes no tokens that anybody pays.
    usage = sum((stage.usage for stage in model_stages), Usage())
    return _Cost(sum(stage.seconds for stage in (*model_stages, *here)), usage.original)


def _asks_model(method: str) -> bool:
    """Whether a stage of this method calls a chat model."""
    return method in ("hyde", "multi-query", "decompose", "step-back") or method.startswith("llm")


def _cost(costs: Sequence[_Cost]) -> Cost:
    usages = [one.usage for one in costs if one.usage is not None]
    return Cost(
        # The median: a single slow search (a busy machine, a first page from disk) would decide a mean of eight.
        seconds=median([one.seconds for one in costs]) if costs else None,
        tokens=mean(list(map(_tokens, usages))),
        usd=_usd(usages),
    )


def _tokens(usage: Usage) -> float:
    return float(usage.prompt_tokens + usage.completion_tokens)


def _usd(usages: Sequence[Usage]) -> float | None:
    prices = [usage.cost_usd for usage in usages]
    # Some without a price: the mean of the others would be too low.
    return None if any(price is None for price in prices) else mean([price or 0.0 for price in prices])


def _less(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else a - b


def _more(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else a + b


# Only what is measured is forgotten: everything else would be paid again.
class _Forgetful:
    """A cache that has forgotten some stages, and keeps nothing new."""

    def __init__(self, inner: Cache, stages: Set[str]) -> None:
        self._inner = inner
        self._stages = stages

    def get_many(self, stage: str, keys: Iterable[str]) -> dict[str, bytes]:
        """Nothing of the forgotten stages."""
        return {} if stage in self._stages else self._inner.get_many(stage, keys)

    # Times past the cache must not replace what it holds.
    def put_many(self, stage: str, values: Mapping[str, bytes]) -> None:
        """Nothing is kept."""
