"""Files of OpenAI's platform: output items of evals, batches, and stored completions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from llmopt_core.errors import BadInput
from llmopt_core.interop.results.files import ResultFile
from llmopt_core.interop.results.openai_batches import body_answer, last_user, read_batches
from llmopt_core.interop.results.rows import ResultRow, RowScore, VariantResults
from llmopt_core.interop.results.values import (
    CATEGORY_NAMES,
    ID_NAMES,
    QUESTION_NAMES,
    REFERENCE_NAMES,
    grade,
    mapping,
    messages,
    moment,
    number,
    pick,
    plain_error,
    question_of,
    sequence,
    text,
    truth,
    used_tokens,
)
from llmopt_core.types import Failure, Message
from llmopt_core.types.grouping import group_values

TOOL = "OpenAI"
PASS = "pass"  # noqa: S105
# What the platform adds to the name of a grader.
_SUFFIX = re.compile(r"-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$")

Row = Mapping[str, Any]


def kind(file: ResultFile) -> str:
    """`items`, `batch_input`, `batch_output`, `completions` or `messages`; empty where it is none of them."""
    first = file.first
    if first.get("object") == "eval.run.output_item" or {"datasource_item", "results", "sample"} <= first.keys():
        return "items"
    if "custom_id" in first:
        return "batch_input" if "body" in first else "batch_output" if {"response", "error"} & first.keys() else ""
    if first.get("object") == "chat.completion" and "choices" in first:
        return "completions"
    if {"id", "role", "content"} <= first.keys():
        return "messages"
    return ""


def is_open_source_log(file: ResultFile) -> bool:
    """Whether it is what `oaieval` records: a line for what was run, and one for each event."""
    return bool(file.first.keys() & {"spec", "final_report"}) or {"event_id", "sample_id"} <= file.first.keys()


def read(files: Sequence[tuple[ResultFile, str]]) -> list[VariantResults]:
    """A variant per run of an eval, and per model of a batch or of completions.

    Raises:
        BadInput: A file has questions without answers or answers without questions.
    """
    by_kind = {form: [file for file, kind in files if kind == form] for _, form in files}
    variants = [variant for file in by_kind.get("items", []) for variant in _read_items(file)]
    batches = by_kind.get("batch_output", []) + by_kind.get("batch_input", [])
    if batches:
        variants += read_batches(by_kind.get("batch_input", []), by_kind.get("batch_output", []))
    if by_kind.get("completions"):
        variants += _read_completions(by_kind["completions"], by_kind.get("messages", []))
    if not variants:
        raise BadInput(f"{files[0][0].name} holds messages without their completions; give the completions too.")
    return variants


def _read_items(file: ResultFile) -> list[VariantResults]:
    # Listed newest first or not: the number of the item says its place.
    items = sorted(file.objects, key=lambda item: number(item.get("datasource_item_id")) or 0)
    runs = group_values((text(item.get("run_id")), item) for item in items)
    return [_eval_run(file, run_id, run_items) for run_id, run_items in runs.items()]


def _eval_run(file: ResultFile, run_id: str, items: Sequence[Row]) -> VariantResults:
    samples = [mapping(item.get("sample")) for item in items]
    model = next((text(sample["model"]) for sample in samples if sample.get("model")), "")
    settings = samples[0]
    names = _grader_names(items)
    return VariantResults(
        tool=TOOL,
        name=model or run_id,
        model=model,
        details={
            **({"run": run_id} if run_id else {}),
            **{name: text(settings[name]) for name in ("temperature", "max_completion_tokens", "top_p", "seed")
               if settings.get(name) is not None},
        },
        set_name=text(items[0].get("eval_id")),
        rows=tuple(_item_row(item, names) for item in items),
        files=(file.name,),
        created_at=moment(items[0].get("created_at")),
    )  # fmt: skip


def _grader_names(items: Sequence[Row]) -> dict[str, str]:
    """The names of graders without the numbers behind them, where they are told apart without."""
    names = list(dict.fromkeys(text(mapping(one).get("name")) for item in items for one in _results(item)))
    short = [_SUFFIX.sub("", name) for name in names]
    return {name: brief if short.count(brief) == 1 else name for name, brief in zip(names, short, strict=True)}


def _results(item: Row) -> list[Row]:
    return [one for one in sequence(item.get("results")) if isinstance(one, Mapping)]


def _item_row(item: Row, names: Mapping[str, str]) -> ResultRow:
    data, sample = mapping(item.get("datasource_item")), mapping(item.get("sample"))
    data = mapping(data.get("item")) or data
    prompt = messages(sample.get("input"))
    row_id, category = pick(data, ID_NAMES), pick(data, CATEGORY_NAMES)
    reference = pick(data, REFERENCE_NAMES)
    failure = _item_failure(item, sample)
    prompt_tokens, completion_tokens = used_tokens(sample.get("usage"))
    question = pick(data, QUESTION_NAMES)
    outputs = messages(sample.get("output"))
    return ResultRow(
        question=question_of(question) if question is not None else last_user(prompt) or question_of(data),
        id=text(row_id) if row_id is not None else text(item.get("datasource_item_id")),
        reference=None if reference is None else text(reference),
        category=None if category is None else text(category),
        answer=None if failure else outputs[-1].content if outputs else None,
        failure=failure,
        scores={} if failure else _item_scores(item, names),
        prompt=prompt,
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        finish_reason=text(sample.get("finish_reason")),
    )


def _item_failure(item: Row, sample: Row) -> Failure | None:
    error = sample.get("error")
    if not error and item.get("status") in ("pass", "fail", "passed", "failed", "completed"):
        return None
    if not error and messages(sample.get("output")):
        return None
    return Failure("answer", "error", plain_error(error) or f"The item has the status {text(item.get('status'))}.")


def _item_scores(item: Row, names: Mapping[str, str]) -> dict[str, RowScore]:
    verdict = truth(item.get("status"))
    scores = {} if verdict is None else {PASS: RowScore(float(verdict), passed=verdict)}
    for one in _results(item):
        sample = mapping(one.get("sample"))
        value = number(one.get("score"))
        value = grade(one.get("passed")) if value is None else value
        error = plain_error(sample["error"]) if sample.get("error") else ""
        replies = messages(sample.get("output"))
        name = text(one.get("name"))
        scores[names.get(name, name) or "grader"] = RowScore(
            value,
            replies[-1].content if replies else "",
            "" if value is not None else error or "the file has no score",
            text(sample.get("model")),
        )
    return scores


def _read_completions(files: Sequence[ResultFile], message_files: Sequence[ResultFile]) -> list[VariantResults]:
    completions = [row for file in files for row in file.objects]
    # Messages have the id of their completion with a number behind.
    by_id = group_values(
        (text(row.get("id")).rpartition("-")[0], row) for file in message_files for row in file.objects
    )
    with_questions = [(row, messages(row.get("messages")) or messages(by_id.get(text(row.get("id")), [])))
                      for row in completions]  # fmt: skip
    matches = [(row, question) for row, question in with_questions if question]
    if not matches:
        raise BadInput(
            f"{files[0].name} lists completions without their questions: add to each its messages "
            "(GET /v1/chat/completions/ID/messages) under the name messages, or give them beside it."
        )
    loss_count = len(with_questions) - len(matches)
    groups = group_values((text(row.get("model")), (row, question)) for row, question in matches)
    names = tuple(file.name for file in (*files, *message_files))
    return [
        VariantResults(
            tool=TOOL,
            name=model,
            model=model,
            set_name="stored completions",
            rows=tuple(_completion_row(row, question) for row, question in rows),
            files=names,
            created_at=moment(rows[0][0].get("created")),
            notes=(f"{loss_count} completions have no questions and were left out",) if loss_count else (),
        )
        for model, rows in groups.items()
    ]


def _completion_row(row: Row, sent: Sequence[Message]) -> ResultRow:
    facts = mapping(row.get("metadata"))
    row_id, category = pick(facts, ID_NAMES), pick(facts, CATEGORY_NAMES)
    prompt_tokens, completion_tokens = used_tokens(row.get("usage"))
    choice = mapping((sequence(row.get("choices")) or [{}])[0])
    grades = {str(name): value for name, value in facts.items() if grade(value) is not None}
    return ResultRow(
        question=last_user(sent),
        id="" if row_id is None else text(row_id),
        category=None if category is None else text(category),
        answer=body_answer({}, choice),
        scores={name: RowScore(grade(value), text(value)) for name, value in grades.items() if name not in ID_NAMES},
        prompt=tuple(sent),
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        finish_reason=text(choice.get("finish_reason")),
    )
