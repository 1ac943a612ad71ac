"""Rows of promptfoo's JSON and JSON lines: one per test, variant and repeat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from llmopt_core.interop.results.files import ResultFile
from llmopt_core.interop.results.promptfoo_scores import components, row_scores
from llmopt_core.interop.results.rows import Context, ResultRow, VariantResults
from llmopt_core.interop.results.values import (
    CATEGORY_NAMES,
    ID_NAMES,
    QUESTION_NAMES,
    REFERENCE_NAMES,
    answer_of,
    count,
    mapping,
    messages,
    moment,
    number,
    pick,
    plain_error,
    question_of,
    sequence,
    text,
    texts,
)
from llmopt_core.types import Failure, Message, canonical_json
from llmopt_core.types.grouping import group_values

TOOL = "promptfoo"
_ERROR = 2  # promptfoo's number for a call that failed; 1 is a failed assertion.
# Assertions whose value is the answer that is wanted, whole or in part.
_HOLDING_REFERENCE = (
    "equals", "similar", "factuality", "model-graded-factuality", "levenshtein", "rouge-n", "bleu", "gleu", "meteor",
    "icontains", "contains",
)  # fmt: skip
# Names of variables for what was retrieved, which promptfoo's own assertions on contexts read.
_CONTEXT_NAMES = ("context", "contexts")
# Prompts without a label are labelled with their whole text.
LONGEST_LABEL = 40


def result_rows(value: Mapping[str, Any]) -> list[Mapping[str, Any]] | None:
    """The rows of a whole result; None where it is none."""
    results = value.get("results")
    rows = results.get("results") if isinstance(results, Mapping) else None
    if not isinstance(rows, list) or (rows and not is_row(mapping(rows[0]))):
        return None
    return [row for row in rows if isinstance(row, Mapping)]


def is_row(row: Mapping[str, Any]) -> bool:
    """Whether this is a row of a result."""
    return {"success", "prompt", "vars"} <= row.keys() and ("provider" in row or "promptIdx" in row)


def read_rows(file: ResultFile, rows: Sequence[Mapping[str, Any]], value: Mapping[str, Any]) -> list[VariantResults]:
    """The variants in rows; `value` is the whole result, where there is more than its rows."""
    config = mapping(value.get("config"))
    repeat = _repeat_count(value, config)
    columns = group_values((_column(row), row) for row in rows)
    several_prompts = len({_prompt_label(group[0]) for group in columns.values()}) > 1
    metadata, results = mapping(value.get("metadata")), mapping(value.get("results"))
    stats = mapping(results.get("stats"))
    variants = []
    # Rows come in the order in which they ended; columns have numbers.
    for _, column_rows in sorted(columns.items(), key=lambda item: number(item[1][0].get("promptIdx")) or 0):
        first = column_rows[0]
        has_costs = any(number(row.get("cost")) for row in column_rows)
        has_zeros = any(row.get("cost") == 0 for row in column_rows) and not has_costs
        notes = [] if not has_zeros else ["promptfoo writes a cost of 0 for models whose price it does not know"]
        provider = _provider(first)
        variants.append(
            VariantResults(
                tool=TOOL,
                version=text(metadata.get("promptfooVersion")),
                name=f"{provider} · {_prompt_label(first)}" if several_prompts else provider,
                model=_provider_id(first),
                details=_details(first, config),
                set_name=text(config.get("description")),
                rows=tuple(
                    _row(row, repeat, has_cost=has_costs)
                    for row in sorted(column_rows, key=lambda row: number(row.get("testIdx")) or 0)
                ),
                files=(file.name,),
                created_at=moment(metadata.get("evaluationCreatedAt") or results.get("timestamp")),
                # What all variants took together says nothing of one of them.
                seconds=_seconds(stats.get("durationMs")) if len(columns) == 1 else None,
                notes=tuple(notes),
            )
        )
    return variants


def _repeat_count(value: Mapping[str, Any], config: Mapping[str, Any]) -> int | None:
    """How often each test was asked; None where the file does not say."""
    places = (mapping(value.get("runtimeOptions")), mapping(config.get("evaluateOptions")))
    counts = [count(place.get("repeat")) for place in places if "repeat" in place]
    return next((number for number in counts if number), 1 if value.get("config") is not None else None)


def _column(row: Mapping[str, Any]) -> str:
    position = row.get("promptIdx")
    if position is not None:
        return str(position)
    # Older files have no number: the prompt's hash, or its template; what was sent is another text on each row.
    prompt = mapping(row.get("prompt"))
    return canonical_json([_provider(row), row.get("promptId") or prompt.get("label") or prompt.get("display")])


def _provider(row: Mapping[str, Any]) -> str:
    provider = row.get("provider")
    if isinstance(provider, Mapping):
        return text(provider.get("label") or provider.get("id"))
    return text(provider)


def _provider_id(row: Mapping[str, Any]) -> str:
    provider = row.get("provider")
    return text(provider.get("id")) if isinstance(provider, Mapping) else text(provider)


def _prompt_label(row: Mapping[str, Any]) -> str:
    prompt = row.get("prompt")
    names = ("label", "display", "raw")
    label = text(pick(prompt, names)) if isinstance(prompt, Mapping) else text(prompt)
    label = " ".join(label.split())
    return label if len(label) <= LONGEST_LABEL else f"{label[: LONGEST_LABEL - 1]}…"


def _details(row: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, str]:
    details = {"provider": _provider_id(row), "prompt": _prompt_label(row)}
    for provider in sequence(config.get("providers")):
        values = mapping(provider)
        if _provider(row) in (values.get("label"), values.get("id")):
            settings = mapping(values.get("config"))
            details |= {name: text(settings[name]) for name in ("temperature", "max_tokens") if name in settings}
    return details


def _row(row: Mapping[str, Any], repeat: int | None, *, has_cost: bool) -> ResultRow:
    case, response = mapping(row.get("testCase")), mapping(row.get("response"))
    variables = mapping(row.get("vars")) or mapping(case.get("vars"))
    failure = _failure(row)
    # What came from a cache took no time and no tokens.
    is_cached = response.get("cached") is True
    usage = mapping(response.get("tokenUsage") or row.get("tokenUsage"))
    cost = number(row.get("cost", response.get("cost"))) if has_cost else None
    return ResultRow(
        question=question_in(row, variables),
        id=_id(case, row, variables),
        key=_key(row, case, variables, repeat),
        reference=_reference(row, case, variables),
        category=_category(case, row, variables),
        answer=None if failure else answer_of(response.get("output")),
        failure=failure,
        scores={} if failure else row_scores(row),
        contexts=contexts_in(variables),
        prompt=_prompt(row),
        prompt_tokens=None if is_cached else count(usage.get("prompt")),
        completion_tokens=None if is_cached else count(usage.get("completion")),
        cost_usd=cost,
        seconds=None if is_cached else _seconds(row.get("latencyMs")),
        finish_reason=text(response.get("finishReason")),
    )


def _seconds(milliseconds: Any) -> float | None:
    value = number(milliseconds)
    return None if value is None else value / 1000


def _failure(row: Mapping[str, Any]) -> Failure | None:
    # A failed assertion fills `error` as well; only the reason tells the two apart. Old files have no reason.
    reason = row.get("failureReason")
    is_error = reason == _ERROR if reason is not None else bool(row.get("error")) and not row.get("gradingResult")
    if not is_error:
        return None
    message = plain_error(row.get("error") or mapping(row.get("response")).get("error"))
    return Failure("answer", "error", message or "promptfoo gives no reason.")


def question_in(row: Mapping[str, Any], variables: Mapping[str, Any]) -> str:
    """The question: the variable of a telling name, the only one, or the prompt."""
    question = pick(variables, QUESTION_NAMES)
    if question is not None:
        return question_of(question)
    others = {name: value for name, value in variables.items() if name.casefold() not in REFERENCE_NAMES}
    if len(others) == 1:
        return question_of(next(iter(others.values())))
    prompt = _prompt(row)
    return prompt[-1].content if prompt else text(dict(variables))


def _id(case: Mapping[str, Any], row: Mapping[str, Any], variables: Mapping[str, Any]) -> str:
    places = (mapping(case.get("metadata")), mapping(row.get("metadata")), variables)
    row_id = next((value for place in places if (value := pick(place, ID_NAMES)) is not None), None)
    return text(row_id if row_id is not None else case.get("description"))


def _key(row: Mapping[str, Any], case: Mapping[str, Any], variables: Mapping[str, Any], repeat: int | None) -> str:
    position = count(row.get("testIdx"))
    # Repeats of a test stand one after the other and have no number.
    if repeat is not None and position is not None:
        return str(position // repeat)
    return canonical_json([dict(variables), case.get("description"), case.get("assert")])


def _reference(row: Mapping[str, Any], case: Mapping[str, Any], variables: Mapping[str, Any]) -> str | None:
    reference = pick(variables, REFERENCE_NAMES)
    if reference is not None:
        return text(reference)
    rendered_values = [
        (mapping(part.get("assertion")), mapping(part.get("metadata")).get("renderedAssertionValue"))
        for part in components(row)
    ]
    pairs = [*rendered_values, *((mapping(item), None) for item in sequence(case.get("assert")))]
    for kind in _HOLDING_REFERENCE:
        for assertion, rendered_value in pairs:
            value = rendered_value if rendered_value is not None else assertion.get("value")
            if assertion.get("type") == kind and isinstance(value, str) and value and "{{" not in value:
                return value
    return None


def _category(case: Mapping[str, Any], row: Mapping[str, Any], variables: Mapping[str, Any]) -> str | None:
    places = (variables, mapping(case.get("metadata")), mapping(row.get("metadata")))
    category = next((value for place in places if (value := pick(place, CATEGORY_NAMES)) is not None), None)
    return None if category is None else text(category)


def contexts_in(variables: Mapping[str, Any]) -> tuple[Context, ...] | None:
    """What was retrieved, where a variable holds it under the name that promptfoo's assertions read."""
    contexts = pick(variables, _CONTEXT_NAMES)
    return None if contexts is None else tuple(Context(item) for item in texts(contexts))


def _prompt(row: Mapping[str, Any]) -> tuple[Message, ...]:
    prompt = row.get("prompt")
    raw = text(prompt.get("raw")) if isinstance(prompt, Mapping) else text(prompt)
    return messages(raw) or ((Message("user", raw),) if raw else ())
