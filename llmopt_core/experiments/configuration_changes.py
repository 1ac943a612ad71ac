"""In what two configurations differ, in a few plain words for each part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmopt_core.errors import BadInput
from llmopt_core.experiments.configuration import configuration_from
from llmopt_core.models.base import BUILTIN

Values = Mapping[str, Any]

_TRANSFORMS = {
    "hyde": "HyDE",
    "multi-query": "query expansion",
    "decompose": "sub-questions",
    "step-back": "step-back questions",
}
_SEARCHES = {"dense": "search by meaning", "bm25": "search by words", "hybrid": "hybrid search"}
_MODEL_SETTINGS = {"mode": "mode", "temperature": "temperature", "top_p": "top p", "max_tokens": "answer length",
                   "reasoning_effort": "reasoning effort", "seed": "seed"}  # fmt: skip

_METHODS = {"plain": "schema alone", "few-shot-question": "solved queries by question",
            "few-shot-masked": "solved queries by masked question",
            "few-shot-skeleton": "solved queries by the shape of a draft"}  # fmt: skip
_REASONING = {"True": "columns and tables first", "False": "query at once"}
_DATA_SETTINGS = {"repair": "repairs", "samples": "drafts that vote", "shots": "solved queries shown",
                  "tables": "tables shown", "sample_values": "sample values", "repair_empty": "empty results repaired",
                  "same_difficulty": "only as difficult as the draft"}  # fmt: skip


def describe_configuration_changes(before: Values, after: Values) -> tuple[str, ...]:
    """`("retrieval added: hybrid search, reranking, top 3", "few-shot examples: 0 → 2")`; empty where none is known.

    Args:
        before: A configuration as it is stored with a run, perhaps by another tool or version.
        after: What was made of it.
    """
    a, b = _complete(before), _complete(after)
    phrases = [
        # What changes most comes first: a picture has room for little more. A template goes with what fills it.
        *_retrieval(_part(a, "retrieval"), _part(b, "retrieval")),
        *_data(_part(a, "data"), _part(b, "data")),
        *_tools(a, b),
        *_fact_check(a, b),
        *_model(_part(a, "model"), _part(b, "model")),
        *_prompt(_part(a, "prompt"), _part(b, "prompt")),
    ]
    return tuple(dict.fromkeys(phrases))


def _complete(values: Values) -> Values:
    """With the defaults, so that what is written out on one side alone is no difference."""
    try:
        return configuration_from(dict(values)).model_dump(mode="json")
    except BadInput:
        return values


def _part(values: Values, name: str) -> Values:
    part = values.get(name)
    return part if isinstance(part, Mapping) else {}


def _arrow(before: Any, after: Any) -> str:
    return f"{_word(before)} → {_word(after)}"


def _word(value: Any) -> str:
    return "none" if value in (None, "", ()) else str(value)


def _model(a: Values, b: Values) -> list[str]:
    phrases = []
    if _model_name(a) != _model_name(b):
        phrases.append(f"model: {_arrow(_model_name(a), _model_name(b))}")
    if a.get("adapter") != b.get("adapter"):
        phrases.append(f"fine-tuned model: {_arrow(a.get('adapter'), b.get('adapter'))}")
    names = [name for name in _MODEL_SETTINGS if a.get(name) != b.get(name)]
    phrases += [f"{_MODEL_SETTINGS[name]}: {_arrow(a.get(name), b.get(name))}" for name in names]
    own_words = {"endpoint", "name", "adapter", *_MODEL_SETTINGS}
    return phrases + (["other settings of the model"] if _differ(a, b, own_words) else [])


def _model_name(values: Values) -> str:
    endpoint, name = str(values.get("endpoint") or ""), str(values.get("name") or "")
    return "built-in" if endpoint == BUILTIN and not name else name or endpoint


def _differ(a: Values, b: Values, without: set[str]) -> bool:
    return any(a.get(name) != b.get(name) for name in {*a, *b} - without)


def _prompt(a: Values, b: Values) -> list[str]:
    phrases = []
    counts = [len(_part(values, "few_shot").get("examples") or ()) for values in (a, b)]
    if counts[0] != counts[1]:
        phrases.append(f"few-shot examples: {counts[0]} → {counts[1]}")
    elif a.get("few_shot") != b.get("few_shot"):
        phrases.append("other few-shot examples")
    if bool(a.get("steps")) != bool(b.get("steps")):
        phrases.append("subtasks added" if b.get("steps") else "subtasks removed")
    elif a.get("steps") != b.get("steps"):
        phrases.append("other subtasks")
    if a.get("system") != b.get("system"):
        phrases.append("other instruction" if a.get("system") and b.get("system") else
                       "instruction added" if b.get("system") else "instruction removed")  # fmt: skip
    if a.get("template") != b.get("template"):
        phrases.append("other template")
    return phrases + (["other extraction of the answer"] if a.get("extract") != b.get("extract") else [])


def _data(a: Values, b: Values) -> list[str]:
    """How a database is asked."""
    if not a or not b:
        return ([f"data source added: {_METHODS.get(str(b.get('method')), '')}"] if b else []) or (
            ["data source removed"] if a else []
        )
    phrases = ["other data source"] if a.get("source") != b.get("source") else []
    for name, words in (("method", _METHODS), ("reasoning", _REASONING)):
        if a.get(name) != b.get(name):
            before, after = (words.get(str(values.get(name)), str(values.get(name))) for values in (a, b))
            phrases.append(f"{before} → {after}")
    names = [name for name in _DATA_SETTINGS if a.get(name) != b.get(name)]
    phrases += [f"{_DATA_SETTINGS[name]}: {_arrow(a.get(name), b.get(name))}" for name in names]
    if a.get("examples") != b.get("examples") and a.get("method") == b.get("method"):
        phrases.append("other solved queries")
    if a.get("routing") != b.get("routing"):
        phrases.append("other routing to the data source")
    own_words = {"source", "method", "reasoning", "examples", "routing", *_DATA_SETTINGS}
    return phrases + (["other settings of the data source"] if _differ(a, b, own_words) else [])


def _tools(a: Values, b: Values) -> list[str]:
    before, after = (", ".join(values.get("tools") or ()) for values in (a, b))
    return [f"tools: {_arrow(before, after)}"] if before != after else []


def _retrieval(a: Values, b: Values) -> list[str]:
    if not a and not b:
        return []
    if not b:
        return ["retrieval removed"]
    if not a:
        return [f"retrieval added: {', '.join(_retrieval_parts(b))}"]
    return [*_chunks(a, b), *_steps_of_search(a, b), *_other_retrieval(a, b)]


def _retrieval_parts(values: Values) -> list[str]:
    transform, rerank = _method(values, "transform"), _method(values, "rerank")
    parts = [_SEARCHES.get(_method(values, "search"), "search by meaning")]
    parts += [_TRANSFORMS.get(transform, transform)] if transform != "none" else []
    parts += [f"reranking ({rerank})"] if rerank != "none" else []
    parts += ["routing"] if values.get("routing") else []
    return parts + ([f"top {values['top_k']}"] if values.get("top_k") else [])


def _method(values: Values, part: str) -> str:
    return str(_part(values, part).get("method") or "none")


def _chunks(a: Values, b: Values) -> list[str]:
    one, other = _part(a, "chunking"), _part(b, "chunking")
    phrases = []
    if one.get("method") != other.get("method"):
        phrases.append(f"chunks cut: {_arrow(one.get('method'), other.get('method'))}")
    if (one.get("size"), one.get("unit")) != (other.get("size"), other.get("unit")):
        phrases.append(f"chunk size: {_size(one)} → {_size(other)}")
    if one.get("overlap") != other.get("overlap"):
        phrases.append(f"overlap: {_arrow(one.get('overlap'), other.get('overlap'))}")
    if _differ(one, other, {"method", "size", "unit", "overlap"}):
        phrases.append("other settings of chunks")
    before, after = _part(a, "embedding"), _part(b, "embedding")
    if before.get("model") != after.get("model"):
        return [*phrases, f"embedding model: {_arrow(before.get('model'), after.get('model'))}"]
    return phrases + (["other settings of the embedding"] if before != after else [])


def _size(chunking: Values) -> str:
    return f"{_word(chunking.get('size'))} {chunking.get('unit') or ''}".strip()


def _steps_of_search(a: Values, b: Values) -> list[str]:
    phrases = []
    for part, name in (("transform", _TRANSFORMS), ("rerank", {})):
        before, after = _method(a, part), _method(b, part)
        if before != after:
            phrases += [_added(part, after, name)] if after != "none" else [f"no {_title(part, before, name)}"]
        elif after != "none" and _part(a, part) != _part(b, part):
            phrases.append(f"other settings of {_title(part, after, name)}")
    before, after = _method(a, "search"), _method(b, "search")
    if before != after:
        phrases.append(_SEARCHES.get(after, after))
    elif _part(a, "search").get("candidates") != _part(b, "search").get("candidates"):
        candidates = [_part(values, "search").get("candidates") for values in (a, b)]
        phrases.append(f"candidates: {_arrow(*candidates)}")
    return phrases


def _title(part: str, method: str, names: Values) -> str:
    return "reranking" if part == "rerank" else str(names.get(method, method))


def _added(part: str, method: str, names: Values) -> str:
    return f"reranking ({method})" if part == "rerank" else _title(part, method, names)


def _other_retrieval(a: Values, b: Values) -> list[str]:
    phrases = [f"top {_arrow(a.get('top_k'), b.get('top_k'))}"] if a.get("top_k") != b.get("top_k") else []
    if bool(a.get("routing")) != bool(b.get("routing")):
        phrases.append("routing added" if b.get("routing") else "routing removed")
    elif a.get("routing") != b.get("routing"):
        phrases.append("other routing")
    is_other_search = _differ(_part(a, "search"), _part(b, "search"), {"method", "candidates"})
    return phrases + (["other settings of the search"] if is_other_search else [])


def _fact_check(a: Values, b: Values) -> list[str]:
    # Runs of earlier versions carry it under its former names.
    before, after = (_part(values, "fact_check") or _part(values, "checks") for values in (a, b))
    methods = [str(part.get("method") or part.get("fact_check") or "none") for part in (before, after)]
    if methods[0] != methods[1]:
        return [f"fact check ({methods[1]})" if methods[1] != "none" else "no fact check"]
    return ["other settings of the fact check"] if before != after else []
