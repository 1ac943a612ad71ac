"""Exports of Arize Phoenix: experiments as JSON and CSV with what describes them, spans and their annotations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from llmopt_core.errors import BadInput
from llmopt_core.interop.results.files import ResultFile
from llmopt_core.interop.results.rows import ResultRow, RowScore, VariantResults
from llmopt_core.interop.results.spans import Span, first_moment, rows_by_model
from llmopt_core.interop.results.values import (
    CATEGORY_NAMES,
    ID_NAMES,
    answer_of,
    count,
    grade,
    is_missing,
    mapping,
    moment,
    number,
    pick,
    plain_error,
    question_of,
    sequence,
    text,
    unpack,
)
from llmopt_core.types import Failure

TOOL = "Phoenix"
_PREFIX = "annotation_"
_PARTS = ("_label", "_score", "_explanation", "_error", "_annotator_kind")
# What people write down about a span grades nothing.
_NOTE = "note"


def kind(file: ResultFile) -> str:
    """`experiment`, `meta`, `spans`, `annotations` or `dataset`; empty where it is none of them."""
    first = file.first
    if {"example_id", "repetition_number", "output"} <= first.keys():
        return "experiment"
    meta = _meta(file)
    if {"dataset_id", "name"} <= meta.keys() and "example_count" in meta:
        return "meta"
    if {"span_kind", "parent_id"} <= first.keys():
        return "spans"
    if "span_id" in first and ({"result", "annotator_kind"} <= first.keys() or "annotation_name" in first):
        return "annotations"
    return "dataset" if {"node_id", "id"} <= first.keys() and any(str(n).startswith("input") for n in first) else ""


def read(files: Sequence[tuple[ResultFile, str]]) -> list[VariantResults]:
    """A variant per experiment, and per model of spans.

    Raises:
        BadInput: There are annotations or descriptions alone.
    """
    by_kind = {form: [file for file, kind in files if kind == form] for _, form in files}
    experiments, spans = by_kind.get("experiment", []), by_kind.get("spans", [])
    if not experiments and not spans:
        file, form = files[0]
        raise BadInput(f"{file.name} is {_ALONE[form]} of Phoenix without its results; give {_WANTED[form]} too.")
    metas = by_kind.get("meta", [])
    examples = {name: one for file in experiments for name, one in _named_examples(file).items()}
    names = {file.name: _meta_of(file, metas, alone=len(experiments) == 1) for file in experiments}
    datasets = {text(row.get("node_id")): row for file in by_kind.get("dataset", []) for row in file.objects}
    variants = [_experiment(file, names[file.name], {**datasets, **examples}) for file in experiments]
    return [*variants, *_read_spans(spans, by_kind.get("annotations", []))]


_ALONE = {"meta": "the description of an experiment", "annotations": "a list of annotations", "dataset": "a data set"}
_WANTED = {"meta": "the experiment", "annotations": "the spans", "dataset": "an experiment"}


def _meta(file: ResultFile) -> Mapping[str, Any]:
    value = mapping(file.value)
    return mapping(value.get("data")) or value


def _meta_of(file: ResultFile, metas: Sequence[ResultFile], *, alone: bool) -> ResultFile | None:
    """The description of an experiment: by its name, else the only one with as many answers and failures."""
    matches = [meta for meta in metas if meta.stem.startswith(file.stem)]
    if matches:
        return matches[0]
    errors = sum(not is_missing(row.get("error")) for row in file.objects)
    fitting = [meta for meta in metas if _counts(_meta(meta)) == (len(file.objects), errors)]
    return fitting[0] if len(fitting) == 1 and (alone or len(metas) > 1) else None


def _counts(meta: Mapping[str, Any]) -> tuple[int, int]:
    failures = count(meta.get("failed_run_count")) or 0
    return (count(meta.get("successful_run_count")) or 0) + failures, failures


def _named_examples(file: ResultFile) -> dict[str, Mapping[str, Any]]:
    """Example id -> row, of an experiment that holds what describes its examples."""
    return {text(row.get("example_id")): row for row in file.objects if not is_missing(row.get("metadata"))}


def _experiment(file: ResultFile, meta: ResultFile | None, examples: Mapping[str, Mapping[str, Any]]) -> VariantResults:
    facts = _meta(meta) if meta else {}
    metadata = mapping(facts.get("metadata"))
    return VariantResults(
        tool=TOOL,
        name=text(facts.get("name")),
        model=text(metadata.get("model")),
        details={str(name): text(value) for name, value in metadata.items() if name != "model"},
        set_name=text(facts.get("description")),
        rows=tuple(_row(row, examples) for row in file.objects),
        files=(file.name, *([meta.name] if meta else [])),
        created_at=moment(facts.get("created_at") or file.first.get("start_time")),
        notes=() if meta else ("the export of an experiment has neither its name nor the model's",),
    )


def _row(row: Mapping[str, Any], examples: Mapping[str, Mapping[str, Any]]) -> ResultRow:
    example_id = text(row.get("example_id"))
    example = examples.get(example_id, {})
    facts = {
        **{str(name).removeprefix("metadata."): value for name, value in example.items()
           if str(name).startswith("metadata.")},
        **mapping(unpack(example.get("metadata"))),
        **mapping(unpack(row.get("metadata"))),
    }  # fmt: skip
    error, reference = row.get("error"), unpack(row.get("reference_output"))
    failure = None if is_missing(error) else Failure("answer", "error", plain_error(error))
    row_id, category, took = pick(facts, ID_NAMES), pick(facts, CATEGORY_NAMES), number(row.get("latency_ms"))
    return ResultRow(
        question=question_of(row.get("input")),
        id=example_id if row_id is None else text(row_id),
        key=example_id,
        reference=answer_of(reference) if not is_missing(reference) and reference != {} else None,
        category=None if category is None else text(category),
        answer=None if failure or row.get("output") in (None, "") else answer_of(row.get("output")),
        failure=failure,
        scores={} if failure else _annotations(row),
        prompt_tokens=count(row.get("prompt_token_count")),
        completion_tokens=count(row.get("completion_token_count")),
        seconds=None if took is None else took / 1000,
        repeat=count(row.get("repetition_number")),
    )


def _annotations(row: Mapping[str, Any]) -> dict[str, RowScore]:
    if isinstance(row.get("annotations"), list):
        return {
            text(one.get("name")): annotation_score(mapping(one)) for one in row["annotations"] if isinstance(one, dict)
        }
    columns = [str(name).removeprefix(_PREFIX) for name in row if str(name).startswith(_PREFIX)]
    names = {column.removesuffix(_PARTS[1]) for column in columns if column.endswith(_PARTS[1])}
    return {
        # In the order of the columns.
        name: annotation_score({part.lstrip("_"): row.get(f"{_PREFIX}{name}{part}") for part in _PARTS})
        for name in dict.fromkeys(column.removesuffix(_PARTS[1]) for column in columns)
        if name in names
    }


def annotation_score(annotation: Mapping[str, Any]) -> RowScore:
    """The value of an annotation: its score, else its label where that says yes or no."""
    label = "" if is_missing(annotation.get("label")) else text(annotation.get("label"))
    explanation = "" if is_missing(annotation.get("explanation")) else text(annotation["explanation"])
    value = number(annotation.get("score"))
    value = grade(label) if value is None else value
    error = "" if is_missing(annotation.get("error")) else plain_error(annotation["error"])
    failure = "" if value is not None else error or (f"the label {label} has no number" if label else "no score")
    return RowScore(value, ": ".join(filter(None, (label, explanation))), failure)


def _read_spans(files: Sequence[ResultFile], annotation_files: Sequence[ResultFile]) -> list[VariantResults]:
    scores: dict[str, dict[str, RowScore]] = {}
    for file in annotation_files:
        # Listed newest first: of several of a name the newest counts.
        for row in reversed(file.objects):
            name = text(row.get("name") or row.get("annotation_name"))
            result = mapping(row.get("result")) or {
                str(column).removeprefix("result."): value for column, value in row.items()
            }
            if name != _NOTE:
                scores.setdefault(text(row.get("span_id")), {})[name] = annotation_score(result)
    spans = [_span(row) for file in files for row in file.objects]
    names = tuple(file.name for file in (*files, *annotation_files))
    return [
        VariantResults(tool=TOOL, name=model, model=model, rows=tuple(rows), files=names, set_name="traces",
                       created_at=first_moment(spans), notes=("spans of traffic have no reference answers",))
        for model, rows in rows_by_model(spans, scores).items()
    ]  # fmt: skip


def _span(row: Mapping[str, Any]) -> Span:
    context = mapping(row.get("context"))
    inner = row.get("attributes")
    attributes = (
        dict(inner)
        if isinstance(inner, Mapping)
        else {str(n).removeprefix("attributes."): v for n, v in row.items()
              if str(n).startswith("attributes.") and not is_missing(v)}
    )  # fmt: skip
    attributes.setdefault("openinference.span.kind", text(row.get("span_kind")))
    return Span(
        text(context.get("trace_id") or row.get("context.trace_id")),
        text(context.get("span_id") or row.get("context.span_id")),
        "" if is_missing(row.get("parent_id")) else text(row.get("parent_id")),
        attributes,
        moment(row.get("start_time")),
        moment(row.get("end_time")),
        text(row.get("status_code")).upper() == "ERROR",
        text(row.get("status_message")) or _event_message(row.get("events")),
    )


def _event_message(events: Any) -> str:
    for event in sequence(unpack(events)):
        attributes = mapping(mapping(event).get("attributes"))
        if attributes.get("exception.message"):
            return text(attributes["exception.message"])
    return ""
