"""Names that say what is inside, for what a user has not named."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from llmopt_core.text.free_names import free_name

# Longer names are cut in every table and legend.
_LONGEST = 120


def configuration_name(values: Mapping[str, Any], names: Collection[str] = ()) -> str:
    """`rag · recursive 200 · hybrid · top 5`, `prompt alone · 2 examples`; numbered where it is taken.

    Args:
        values: Of the configuration, as it is stored.
        names: Names that are in use.
    """
    retrieval = values.get("retrieval")
    data, tools = values.get("data") or {}, values.get("tools") or ()
    parts = ["rag", *_retrieval_parts(retrieval)] if retrieval else []
    parts += _data_parts(data) if data else []
    parts += [] if parts or tools else ["prompt alone"]
    parts += [f"with {' and '.join(tools)}"] if tools else []
    # Stored values hold None for a part that is not used.
    model, prompt = values.get("model") or {}, values.get("prompt") or {}
    few_shot = prompt.get("few_shot") or {}
    if few_shot.get("examples"):
        parts.append(f"{len(few_shot['examples'])} examples")
    model_name = model.get("adapter") or model.get("name")
    parts += [str(model_name)] if model_name else []
    return free_name(" · ".join(parts)[:_LONGEST], names)


def question_set_name(documents: Iterable[str]) -> str:
    """`questions of handbook.pdf`, `questions of a.md, b.md and 3 more`."""
    names = list(dict.fromkeys(documents))
    more = f" and {len(names) - 2} more" if len(names) > 2 else ""
    return f"questions of {', '.join(names[:2])}{more}"[:_LONGEST] if names else "written questions"


def _retrieval_parts(retrieval: Mapping[str, Any]) -> list[str]:
    chunking, search = retrieval.get("chunking") or {}, retrieval.get("search") or {}
    rerank = (retrieval.get("rerank") or {}).get("method", "none")
    transform = (retrieval.get("transform") or {}).get("method", "none")
    parts = [f"{chunking.get('method', 'recursive')} {chunking.get('size', 200)}", str(search.get("method", "dense"))]
    parts += [part for part in (transform, rerank) if part != "none"]
    return [*parts, f"top {retrieval.get('top_k', 5)}"]


def _data_parts(data: Mapping[str, Any]) -> list[str]:
    repair, samples = data.get("repair", 0), data.get("samples", 1)
    parts = ["data", str(data.get("method", "plain"))]
    parts += ["reasoning"] if data.get("reasoning") else []
    parts += [f"{repair} repair{'' if repair == 1 else 's'}"] if repair else []
    return parts + ([f"vote of {samples}"] if samples > 1 else [])
