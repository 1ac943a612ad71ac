"""Results of lm-evaluation-harness: `results_*.json` and the `samples_*.jsonl` of `--log_samples`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from llmopt_core.errors import BadInput
from llmopt_core.interop.results.files import ResultFile
from llmopt_core.interop.results.rows import ResultRow, RowScore, VariantResults
from llmopt_core.interop.results.values import (
    CATEGORY_NAMES,
    ID_NAMES,
    QUESTION_NAMES,
    count,
    grade,
    mapping,
    messages,
    moment,
    number,
    pick,
    question_of,
    sequence,
    text,
)
from llmopt_core.types import Message
from llmopt_core.types.grouping import group_values

TOOL = "lm-eval"
_FIELDS = frozenset(
    ("doc_id", "doc", "target", "arguments", "resps", "filtered_resps", "filter", "metrics", "doc_hash", "prompt_hash",
     "target_hash")
)  # fmt: skip
_TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.-]+\d")
_MODEL = re.compile(r"(?:^|,)(?:model|pretrained)=([^,]+)")
# Means of a file and of its results are the same number, but for the last digits.
_CLOSE = 1e-9


def kind(file: ResultFile) -> str:
    """`samples` or `results`; empty where it is neither."""
    value = mapping(file.value)
    if isinstance(value.get("results"), Mapping) and isinstance(value.get("configs"), Mapping) and "config" in value:
        return "results"
    return "samples" if {"doc_id", "doc", "resps"} <= file.first.keys() else ""


def read(files: Sequence[tuple[ResultFile, str]]) -> list[VariantResults]:
    """A variant per file of samples, with what its results say of the model.

    Raises:
        BadInput: There are results without their samples.
    """
    samples = [file for file, form in files if form == "samples"]
    results = [file for file, form in files if form == "results"]
    if not samples:
        raise BadInput(
            f"{results[0].name} holds only the means of lm-evaluation-harness: run it with --log_samples and give the "
            "samples_*.jsonl beside it too."
        )
    return [_variant(file, _results_of(file, results, alone=len(samples) == 1)) for file in samples]


def _results_of(file: ResultFile, results: Sequence[ResultFile], *, alone: bool) -> ResultFile | None:
    """The results that belong to samples: of the same folder and time, else those with the same means."""
    stamp = _TIME.search(file.name.rpartition("/")[2])
    near = [one for one in results if one.folder == file.folder]
    for candidates in (near, results):
        same_time = [one for one in candidates if stamp and stamp.group() in one.name]
        if len(same_time) == 1:
            return same_time[0]
    for candidates in (near, results):
        same_means = [one for one in candidates if _task_of(file, one)]
        if len(same_means) == 1:
            return same_means[0]
    return results[0] if alone and len(results) == 1 and not near else None


def _task_of(file: ResultFile, results: ResultFile) -> str:
    """The task of samples, found by their means: neither line nor content names it. Empty where none fits."""
    means = _means(file)
    tasks = mapping(mapping(results.value).get("results"))
    fitting = [
        task
        for task, values in tasks.items()
        if means and all(_is_close(mapping(values).get(name), mean) for name, mean in means.items())
    ]
    matches = [task for task in fitting if f"samples_{task}_" in file.name]
    return str((matches or fitting or [""])[0])


def _means(file: ResultFile) -> dict[str, float]:
    values: dict[str, list[float]] = {}
    for row in file.objects:
        for metric in _metrics(row):
            value = grade(row.get(metric))
            if value is not None:
                values.setdefault(f"{metric},{_filter(row)}", []).append(value)
    return {name: sum(numbers) / len(numbers) for name, numbers in values.items()}


def _is_close(value: Any, mean: float) -> bool:
    number_value = number(value)
    # Some metrics are no means of their samples, and some tasks report none of theirs.
    return number_value is not None and abs(number_value - mean) < _CLOSE


def _variant(file: ResultFile, results: ResultFile | None) -> VariantResults:
    value = mapping(results.value) if results else {}
    config = mapping(value.get("config"))
    task = _task_of(file, results) if results else ""
    model = text(value.get("model_name")) or _model(config.get("model_args"))
    documents = group_values((text(row.get("doc_id")), row) for row in file.objects)
    filters = list(dict.fromkeys(_filter(row) for row in file.objects))
    task_config = mapping(mapping(value.get("configs")).get(task))
    notes = []
    if len(filters) > 1:
        notes.append(f"each document has a line per filter ({', '.join(filters)}): each filter is a metric of its own")
    rows = [row for lines in documents.values() for row in _rows(lines, several=len(filters) > 1)]
    if any(row.repeat for row in rows):
        notes.append("of repeated answers lm-eval scores what its filter takes, mostly the first; the rest has none")
    directions = mapping(mapping(value.get("higher_is_better")).get(task))
    lower = {str(metric) for metric, is_higher in directions.items() if is_higher is False}
    return VariantResults(
        tool=TOOL,
        version=text(value.get("lm_eval_version")),
        name=model,
        model=model,
        details=_details(value, config, task, task_config),
        set_name=task or _task_name(file),
        rows=tuple(rows),
        files=(file.name, *([results.name] if results else [])),
        created_at=moment(value.get("date")),
        seconds=number(value.get("total_evaluation_time_seconds")),
        notes=tuple(notes),
        lower_is_better=frozenset(name for row in rows for name in row.scores if name.split(",")[0] in lower),
    )


def _task_name(file: ResultFile) -> str:
    """The task in the usual name of a file; empty where it has another name."""
    match = re.fullmatch(rf"samples_(.+)_{_TIME.pattern}", file.stem)
    return match[1] if match else ""


def _model(arguments: Any) -> str:
    if isinstance(arguments, Mapping):
        return text(arguments.get("model") or arguments.get("pretrained"))
    match = _MODEL.search(text(arguments))
    return match[1] if match else ""


def _details(
    value: Mapping[str, Any], config: Mapping[str, Any], task: str, task_config: Mapping[str, Any]
) -> dict[str, str]:
    generation, versions = mapping(task_config.get("generation_kwargs")), mapping(value.get("versions"))
    return {
        **({"task": task} if task else {}),
        **({"model type": text(config["model"])} if config.get("model") else {}),
        **({"num_fewshot": text(task_config["num_fewshot"])} if "num_fewshot" in task_config else {}),
        **({"task version": text(versions[task])} if task in versions else {}),
        **{name: text(generation[name]) for name in ("temperature", "max_gen_toks") if name in generation},
    }  # fmt: skip


def _filter(row: Mapping[str, Any]) -> str:
    return text(row.get("filter")) or "none"


def _metrics(row: Mapping[str, Any]) -> list[str]:
    names = [name for name in sequence(row.get("metrics")) if isinstance(name, str)]
    # Older versions do not name them.
    return names or [name for name, value in row.items() if name not in _FIELDS and grade(value) is not None]


def _rows(lines: Sequence[Mapping[str, Any]], *, several: bool) -> list[ResultRow]:
    """A row per answer to one document; `lines` has one per filter."""
    first = lines[0]
    document = mapping(first.get("doc"))
    choices = _choices(first, document)
    answers = [_choice(first, choices)] if choices is not None else _answers(first)
    reference = _reference(first, choices)
    category = pick(document, CATEGORY_NAMES)
    prompt = _prompt(first)
    row_id = pick(document, ID_NAMES)
    return [
        ResultRow(
            question=_question(document, prompt),
            id=text(row_id if row_id is not None else first.get("doc_id")),
            key=text(first.get("doc_id")),
            reference=reference,
            category=None if category is None else text(category),
            answer=answer,
            scores=_scores(lines, several=several) if position == 0 else {},
            prompt=prompt,
            repeat=position + 1 if len(answers) > 1 else None,
        )
        for position, answer in enumerate(answers)
    ]


def _scores(lines: Sequence[Mapping[str, Any]], *, several: bool) -> dict[str, RowScore]:
    scores = {}
    for line in lines:
        replies = sequence(line.get("filtered_resps"))
        reply = text(replies[0]) if several and replies else ""
        for metric in _metrics(line):
            value = grade(line.get(metric))
            name = f"{metric},{_filter(line)}" if several else metric
            failure = "" if value is not None else "the file has no single number for this answer"
            scores[name] = RowScore(value, f"Taken from the answer: {reply}" if reply else "", failure)
    return scores


def _choices(row: Mapping[str, Any], document: Mapping[str, Any]) -> list[str] | None:
    """The choices of a question where answers are their likelihoods; None where the model wrote its answer."""
    responses = sequence(row.get("resps"))
    if len(responses) < 2 or not all(_likelihood(response) is not None for response in responses):
        return None
    texts = [text(item) for item in sequence(document.get("choices"))]
    if len(texts) == len(responses):
        return texts
    arguments = row.get("arguments")
    calls = list(arguments.values()) if isinstance(arguments, Mapping) else sequence(arguments)
    return [text(call.get("arg_1") if isinstance(call, Mapping) else (sequence(call) or [""])[-1]).strip()
            for call in calls][: len(responses)]  # fmt: skip


def _likelihood(response: Any) -> float | None:
    # Newer versions write each in a list of its own: [["-0.21", "False"]].
    while isinstance(response, list) and len(response) == 1 and isinstance(response[0], list):
        response = response[0]
    is_pair = isinstance(response, list) and len(response) == 2 and text(response[1]).lower() in ("true", "false")
    return number(response[0]) if is_pair else None


def _choice(row: Mapping[str, Any], choices: Sequence[str]) -> str | None:
    values = [_likelihood(response) for response in sequence(row.get("resps"))]
    likelihoods = [(value, place) for place, value in enumerate(values) if value is not None and place < len(choices)]
    # Of equally likely ones the first, as lm-eval takes it.
    return choices[max(likelihoods, key=lambda item: (item[0], -item[1]))[1]] if likelihoods else None


def _answers(row: Mapping[str, Any]) -> list[str | None]:
    responses = sequence(row.get("resps"))
    first = responses[0] if responses else None
    texts = [text(item) for item in first if isinstance(item, str)] if isinstance(first, list) else []
    if not texts and isinstance(first, str):
        texts = [first]
    return [*texts] or [None]


def _reference(row: Mapping[str, Any], choices: Sequence[str] | None) -> str | None:
    target = row.get("target")
    if isinstance(target, list):
        target = target[0] if target else None
    place = count(target) if choices is not None else None
    if choices is not None and place is not None and place < len(choices):
        return choices[place]
    return text(target) if target is not None and text(target).strip() else None


def _prompt(row: Mapping[str, Any]) -> tuple[Message, ...]:
    arguments = row.get("arguments")
    first = (
        next(iter(arguments.values()), None) if isinstance(arguments, Mapping) else (sequence(arguments) or [None])[0]
    )
    prompt = first.get("arg_0") if isinstance(first, Mapping) else (sequence(first) or [None])[0]
    if isinstance(prompt, list) and len(prompt) == 1:
        prompt = prompt[0]
    return messages(prompt) or ((Message("user", text(prompt)),) if prompt else ())


def _question(document: Mapping[str, Any], prompt: Sequence[Message]) -> str:
    question = pick(document, QUESTION_NAMES)
    if question is not None:
        return question_of(question)
    return prompt[-1].content.strip() if prompt else text(dict(document))
