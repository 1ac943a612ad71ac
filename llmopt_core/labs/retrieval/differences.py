"""In what two retrievals differ, by the settings that have an effect."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llmopt_core.labs.retrieval.changes import flat, word
from llmopt_core.labs.retrieval.setting_words import setting_title, setting_value
from llmopt_core.models.base import ModelSpec
from llmopt_core.retrieval.spec import RerankSpec, RetrievalSpec

# A name is read in tables and legends: three changes in 80 signs.
_MOST_NAMES, _LONGEST = 3, 80


def difference_lines(before: RetrievalSpec, after: RetrievalSpec) -> list[str]:
    """`Search: By meaning (dense) → Both (hybrid)` for each setting that differs and matters.

    What only one of them makes use of (the candidates of its reranker, say) is told where it is not the default. How a
    transform writes is not told beside one that writes nothing.
    """
    return [_difference(name, a, b) for name, a, b in _differing(before, after)]


def name_change(base: str, before: RetrievalSpec, after: RetrievalSpec) -> str:
    """A name that says what was changed: `rag · bm25, top 5`; the base's own where nothing was.

    Args:
        base: The name of what was changed.
        before: Its retrieval.
        after: What became of it.
    """
    parts = [_in_short(name, value) for name, _, value in _differing(before, after)]
    # Cut in the middle of a word is better than a name that no table can hold.
    return f"{base} · {', '.join(parts[:_MOST_NAMES])}"[:_LONGEST].rstrip(" ,") if parts else base


def _differing(before: RetrievalSpec, after: RetrievalSpec) -> list[tuple[str, Any, Any]]:
    old, new = _in_force(before), _in_force(after)
    # In the order of the settings, and what only the new one has after them.
    names = [name for name in [*old, *(name for name in new if name not in old)] if old.get(name) != new.get(name)]
    return [(name, old.get(name), new.get(name)) for name in names if _is_notable(name, old, new)]


def _in_short(name: str, value: Any) -> str:
    above, _, last = name.rpartition(".")
    if last == "method":
        return f"no {above}" if value in (None, "none") else str(value)
    if name == "top_k":
        return f"top {value}"
    return f"{last.replace('_', ' ')} {word(value)}"


def _difference(name: str, a: Any, b: Any) -> str:
    title, before, after = setting_title(name), setting_value(name, a), setting_value(name, b)
    if before == after:
        # Routing of one kind, by other examples or to other settings.
        return f"{title}: {before}, set up otherwise"
    return f"{title}: {before} → {after}"


def _is_notable(name: str, old: dict[str, Any], new: dict[str, Any]) -> bool:
    # Both make use of it, and it differs.
    if name in old and name in new:
        return True
    # A setting that only one of them uses matters where somebody has set it.
    return not name.startswith("transform.") and (old | new)[name] != _DEFAULTS.get(name)


def _in_force(spec: RetrievalSpec) -> dict[str, Any]:
    """The settings that decide what this retrieval finds."""
    values = flat(_with_reranker_name(spec).model_dump(mode="json"))
    # Settings without effect would be told as changes that change nothing.
    return {name: value for name, value in values.items() if not any(idle(name) for idle in _idle(spec))}


def _with_reranker_name(spec: RetrievalSpec) -> RetrievalSpec:
    """With the model of an LLM reranker named, also where it is the default one."""
    if not spec.rerank.method.startswith("llm-"):
        return spec
    # None means the default, which is the same reranker as one that names it.
    rerank = spec.rerank.model_copy(update={"llm": spec.rerank.llm or ModelSpec()})
    return spec.model_copy(update={"rerank": rerank})


def _idle(spec: RetrievalSpec) -> list[Callable[[str], bool]]:
    """Tells of a setting whether it has no effect here."""
    search, rerank, transform = spec.search, spec.rerank.method, spec.transform.method
    # Two lists to merge: dense and words, or several wordings.
    has_fusion = search.method == "hybrid" or transform in ("multi-query", "step-back")
    asks = rerank.startswith("llm-")
    idle: list[Callable[[str], bool]] = []
    if transform == "none":
        idle.append(lambda name: name.startswith("transform.") and name != "transform.method")
    if rerank == "none":
        idle.append(lambda name: name.startswith("rerank.") and name != "rerank.method")
    idle.append(lambda name: name == "rerank.model" if asks else name.startswith(("rerank.llm", "rerank.prompt")))
    if not has_fusion:
        idle.append(lambda name: name == "search.fusion")
    if not has_fusion or search.fusion != "rrf":
        idle.append(lambda name: name == "search.rrf_k")
    if search.method != "hybrid" or search.fusion != "weighted":
        idle.append(lambda name: name == "search.weight")
    return idle


# With a model, so that its settings have defaults to compare with.
_DEFAULTS = flat(RetrievalSpec(rerank=RerankSpec(llm=ModelSpec())).model_dump(mode="json"))
