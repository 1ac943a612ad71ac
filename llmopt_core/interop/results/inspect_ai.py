"""Logs of Inspect AI: `.eval` and `.json`, and the table that `samples_df` gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from llmopt_core.errors import BadInput
from llmopt_core.interop.results.files import ResultFile
from llmopt_core.interop.results.rows import ResultRow, RowScore, VariantResults
from llmopt_core.interop.results.values import (
    CATEGORY_NAMES,
    count,
    is_missing,
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
    unpack,
    used_tokens,
)
from llmopt_core.runs.values import Status
from llmopt_core.types import Failure
from llmopt_core.types.grouping import group_values

TOOL = "Inspect AI"
# As Inspect's own `value_to_float` takes them.
_LETTERS: Mapping[str, float] = {"C": 1.0, "I": 0.0, "P": 0.5, "N": 0.0}
_WORDS: Mapping[str, float] = {"yes": 1.0, "true": 1.0, "no": 0.0, "false": 0.0}
_STATUSES: Mapping[str, Status] = {
    "success": "finished", "error": "failed", "cancelled": "cancelled", "started": "interrupted"
}  # fmt: skip
_ATTACHMENT = "attachment://"
_DEEPEST = 20
_SCORE_COLUMN = "score_"


def kind(file: ResultFile) -> str:
    """`log` or `table`; empty where it is neither."""
    if file.header:
        return "table" if {"eval_id", "epoch", "id"} <= set(file.header) else ""
    value = mapping(file.value)
    has_log = isinstance(value.get("eval"), Mapping) and "version" in value and "status" in value
    return "log" if file.entries or has_log else ""


def read(files: Sequence[tuple[ResultFile, str]]) -> list[VariantResults]:
    """A variant per log; of a table, one per evaluation that no log was given of."""
    variants = [_read_log(file) for file, form in files if form == "log"]
    ids = {variant.details["eval_id"] for variant in variants}
    for file, form in files:
        if form == "table":
            variants += [variant for variant in _read_table(file) if variant.details["eval_id"] not in ids]
    return variants


def grade_value(value: Any) -> float | None:
    """A score as Inspect's `value_to_float` takes it; None for words that it does not know, and for lists."""
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, str):
        word = value.strip()
        fraction = _LETTERS.get(word, _WORDS.get(word.casefold()))
        return number(word) if fraction is None else fraction
    return number(value)


def _read_log(file: ResultFile) -> VariantResults:
    header = _header(file)
    evaluation = mapping(header.get("eval"))
    samples = _samples(file)
    if not samples:
        raise BadInput(f"{file.name} is a log of Inspect AI without samples; write it with log_samples on.")
    model, stats = text(evaluation.get("model")), mapping(header.get("stats"))
    start, end = moment(stats.get("started_at")), moment(stats.get("completed_at"))
    judges = _judges(evaluation)
    rows = [_row(sample, model, judges) for sample in samples]
    refusals = sum(row.failure is not None and row.failure.kind == "context-length" for row in rows)
    status = _STATUSES.get(text(header.get("status")), "interrupted")
    return VariantResults(
        tool=TOOL,
        version=text(mapping(evaluation.get("packages")).get("inspect_ai")),
        # Names of models begin with the providers that they were reached through.
        name=model.rpartition("/")[2] or text(evaluation.get("task")),
        model=model,
        details=_details(evaluation),
        set_name=text(mapping(evaluation.get("dataset")).get("name") or evaluation.get("task")),
        rows=tuple(rows),
        files=(file.name,),
        created_at=moment(evaluation.get("created")),
        seconds=(end - start).total_seconds() if start and end else None,
        status=status,
        error="" if status == "finished" else plain_error(header.get("error")) or f"The log says: {status}.",
        notes=_refusal_note(refusals),
    )


def _refusal_note(count_refused: int) -> tuple[str, ...]:
    if not count_refused:
        return ()
    return (
        f"refused as too long: {count_refused} of its requests; Inspect AI takes the provider's message for the answer "
        "and grades it, here they count as failed",
    )


def _header(file: ResultFile) -> Mapping[str, Any]:
    if not file.entries:
        return mapping(file.value)
    # A log that was never finished has only the beginning of its journal.
    return mapping(file.entries.get("header.json") or {**file.entries["_journal/start.json"], "status": "started"})


def _samples(file: ResultFile) -> list[Mapping[str, Any]]:
    if file.entries:
        sample_files = [value for name, value in file.entries.items() if name.startswith("samples/")]
    else:
        sample_files = sequence(mapping(file.value).get("samples"))
    samples = [sample for sample in sample_files if isinstance(sample, Mapping)]
    # The order of a log is that in which samples ended; the data set's own is kept in the header.
    ids = sequence(mapping(mapping(_header(file).get("eval")).get("dataset")).get("sample_ids"))
    places = {text(sample_id): place for place, sample_id in enumerate(ids)}
    return sorted(
        samples, key=lambda sample: (places.get(text(sample.get("id")), len(places)), count(sample.get("epoch")) or 0)
    )


def _judges(evaluation: Mapping[str, Any]) -> dict[str, str]:
    """Scorer -> the model that it asks."""
    scorers = [mapping(scorer) for scorer in sequence(evaluation.get("scorers"))]
    models = {text(scorer.get("name")): text(mapping(scorer.get("options")).get("model")) for scorer in scorers}
    return {name: model for name, model in models.items() if model}


def _details(evaluation: Mapping[str, Any]) -> dict[str, str]:
    config = mapping(evaluation.get("model_generate_config"))
    arguments = {**mapping(evaluation.get("task_args")), **mapping(evaluation.get("metadata"))}
    return {
        "eval_id": text(evaluation.get("eval_id")),
        "task": text(evaluation.get("task")),
        **{name: text(config[name]) for name in ("temperature", "max_tokens") if name in config},
        **({"tags": ", ".join(texts(evaluation["tags"]))} if evaluation.get("tags") else {}),
        **{str(name): text(value) for name, value in arguments.items()},
    }


def _row(sample: Mapping[str, Any], model: str, judges: Mapping[str, str]) -> ResultRow:
    sample = mapping(_attach(sample, mapping(sample.get("attachments"))))
    output = mapping(sample.get("output"))
    choice = mapping((sequence(output.get("choices")) or [{}])[0])
    usage = mapping(mapping(sample.get("model_usage")).get(model) or output.get("usage"))
    answer = _completion(output, choice)
    failure = _failure(sample, choice, answer, usage)
    prompt_tokens, completion_tokens = used_tokens(usage)
    references = _references(sample)
    return ResultRow(
        question=question_of(sample.get("input")),
        id=text(sample.get("id")),
        reference=references[0] if references else None,
        right_answers=references,
        category=_category(sample),
        answer=None if failure else answer,
        failure=failure,
        scores={} if failure else _scores(sample, judges),
        prompt=messages(sample.get("messages"))[:-1] if not failure else messages(sample.get("messages")),
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        cost_usd=number(usage.get("total_cost")),
        # Without the waiting for a free place at the service.
        seconds=number(sample.get("working_time", sample.get("total_time"))),
        finish_reason=text(choice.get("stop_reason")),
        repeat=count(sample.get("epoch")),
    )


def _attach(value: Any, attachments: Mapping[str, Any], depth: int = 0) -> Any:
    """The value with the long texts that the log keeps apart."""
    if isinstance(value, str) and value.startswith(_ATTACHMENT):
        return attachments.get(value.removeprefix(_ATTACHMENT), value)
    if depth > _DEEPEST:
        return value
    if isinstance(value, Mapping):
        # Events repeat the messages many times, and are not read.
        return {
            name: _attach(item, attachments, depth + 1)
            for name, item in value.items()
            if name not in ("events", "attachments", "store")
        }
    return [_attach(item, attachments, depth + 1) for item in value] if isinstance(value, list) else value


def _completion(output: Mapping[str, Any], choice: Mapping[str, Any]) -> str | None:
    if isinstance(output.get("completion"), str) and (output["completion"] or choice):
        return str(output["completion"])
    replies = messages([choice.get("message")])
    return replies[-1].content if replies else None


def _failure(
    sample: Mapping[str, Any], choice: Mapping[str, Any], answer: str | None, usage: Mapping[str, Any]
) -> Failure | None:
    if sample.get("error"):
        return Failure("answer", "error", plain_error(sample["error"]) or "Inspect AI gives no reason.")
    # A request that was refused used no tokens; one whose answer met the window's end did.
    if choice.get("stop_reason") == "model_length" and not any(used_tokens(usage)):
        return Failure("answer", "context-length", plain_error(answer) or "The request was too long for the model.")
    if answer is None and not sample.get("scores") and not sample.get("score"):
        limit = mapping(sample.get("limit"))
        reason = f"the limit of {text(limit.get('type'))}" if limit else "no reason"
        return Failure("answer", "no-output", f"The sample has no output; the log gives {reason}.")
    return None


def _references(sample: Mapping[str, Any]) -> tuple[str, ...]:
    target, choices = sample.get("target"), [text(choice) for choice in sequence(sample.get("choices"))]
    texts = [text(item) for item in target] if isinstance(target, list) else [] if target is None else [text(target)]
    if choices:
        # Targets of multiple choice are the letters of the choices.
        letters = {chr(ord("A") + place): choice for place, choice in enumerate(choices[:26])}
        texts = [letters.get(item.strip().upper(), item) for item in texts]
    return tuple(item for item in texts if item.strip())


def _category(sample: Mapping[str, Any]) -> str | None:
    category = pick(mapping(sample.get("metadata")), CATEGORY_NAMES)
    return None if category is None else text(category)


def _scores(sample: Mapping[str, Any], judges: Mapping[str, str]) -> dict[str, RowScore]:
    score_table = mapping(sample.get("scores")) or ({"score": sample["score"]} if sample.get("score") else {})
    scores: dict[str, RowScore] = {}
    for name, score in score_table.items():
        values = mapping(score)
        value, explanation = values.get("value", score), text(values.get("explanation"))
        judge = judges.get(str(name), "")
        if isinstance(value, Mapping):
            scores |= {f"{name}/{part}": _score(item, explanation, judge) for part, item in value.items()}
        elif isinstance(value, list):
            scores |= {f"{name}/{part}": _score(item, explanation, judge) for part, item in enumerate(value, 1)}
        else:
            scores[str(name)] = _score(value, explanation, judge)
    return scores


def _score(value: Any, explanation: str, judge: str = "") -> RowScore:
    result = grade_value(value)
    failure = "" if result is not None else f"the log has {text(value) or 'nothing'} as its value"
    return RowScore(result, explanation, failure, judge)


def _read_table(file: ResultFile) -> list[VariantResults]:
    evaluations = group_values((row["eval_id"], row) for row in file.objects)
    return [
        VariantResults(
            tool=TOOL,
            name=_log_name(rows[0], file),
            details={"eval_id": evaluation},
            rows=tuple(_table_row(row) for row in rows),
            files=(file.name,),
            notes=("the table of samples has neither the model nor the answers; the log has both",),
        )
        for evaluation, rows in evaluations.items()
    ]


def _log_name(row: Mapping[str, Any], file: ResultFile) -> str:
    log = text(row.get("log")).replace("\\", "/").rpartition("/")[2]
    return log.removesuffix(".eval").removesuffix(".json") or file.stem


def _table_row(row: Mapping[str, Any]) -> ResultRow:
    references = texts(row.get("target"))
    error = row.get("error")
    failure = None if is_missing(error) else Failure("answer", "error", plain_error(error))
    category = pick({name.removeprefix("metadata_"): value for name, value in row.items()}, CATEGORY_NAMES)
    names = [name for name in row if name.startswith(_SCORE_COLUMN) and not is_missing(row[name])]
    return ResultRow(
        question=_table_question(text(row.get("input"))),
        id=text(row.get("id")),
        reference=references[0] if references else None,
        right_answers=references,
        category=None if category is None else text(category),
        failure=failure,
        scores={} if failure else {n.removeprefix(_SCORE_COLUMN): _score(unpack(row[n]), "") for n in names},
        seconds=number(row.get("working_time", row.get("total_time"))),
        repeat=count(row.get("epoch")),
    )


def _table_question(value: str) -> str:
    """The last user's message of a conversation that is written as `user:` and lines below."""
    head, separator, rest = value.rpartition("user:\n")
    return rest.strip() if separator and (not head or head.endswith("\n")) else value.strip()
