"""A comparison file: YAML -> what is compared side by side. A `promptfooconfig.yaml` is read, too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import AliasChoices, Field

from llmopt_core.documents.load import load_documents
from llmopt_core.documents.questions import read_questions
from llmopt_core.errors import BadInput
from llmopt_core.evaluation.assertions.spec import AssertionSpec
from llmopt_core.evaluation.judges.judge import JudgeSpec
from llmopt_core.experiments.comparison_plan import ComparisonPlan, free_input, without_leaks
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.experiment_file import documents_root, read_with_lines, resolve_path
from llmopt_core.experiments.file_validation import validate_spec
from llmopt_core.experiments.subset import first_examples
from llmopt_core.experiments.versions.prompts import load_prompt
from llmopt_core.experiments.yaml_lines import LocatedValue
from llmopt_core.interop.promptfoo.importer import NotRun, import_promptfoo
from llmopt_core.models.base import ModelSpec
from llmopt_core.models.endpoints import Endpoint, endpoints_in
from llmopt_core.prompts.spec import PromptSpec
from llmopt_core.retrieval.spec import RetrievalSpec
from llmopt_core.runs.store import Store
from llmopt_core.types import Document, EvaluationSet, Spec


@dataclass(frozen=True)
class ComparisonFile:
    """What the file says, read and checked.

    Attributes:
        endpoints: Endpoints named in the file, over those of the environment.
        not_run: What an imported file asks for and cannot be had here.
        repeats: Few-shot examples that repeat a row, by variant.
    """

    plan: ComparisonPlan
    endpoints: Mapping[str, Endpoint] = field(default_factory=dict)
    not_run: tuple[NotRun, ...] = ()
    warnings: tuple[str, ...] = ()
    repeats: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class _Variant(Spec):
    """A column; its prompt is a name under `prompts`, a saved prompt of the project, or stands here."""

    name: str = Field(min_length=1, max_length=200)
    prompt: str | PromptSpec
    model: ModelSpec = ModelSpec()
    retrieval: RetrievalSpec | None = None


class _File(Spec):
    project: str = Field(default="", max_length=200)
    documents: tuple[str, ...] = ()
    encoding: str = ""
    main_only: bool = False
    evaluation_set: str = ""
    questions_encoding: str = ""
    columns: dict[str, str] = Field(default_factory=dict)
    inputs: tuple[str | dict[str, str], ...] = ()
    limit: int | None = Field(default=None, ge=1)
    prompts: dict[str, PromptSpec] = Field(default_factory=dict)
    models: tuple[ModelSpec, ...] = (ModelSpec(),)
    variants: tuple[_Variant, ...] = ()
    # `checks` is what earlier files call them.
    assertions: tuple[AssertionSpec, ...] = Field((), validation_alias=AliasChoices("assertions", "checks"))
    judge: JudgeSpec = JudgeSpec()
    metrics: tuple[str, ...] = ()
    repeats: int = Field(default=1, ge=1)
    # Answers in work at once over all columns; each endpoint keeps a limit of its own.
    concurrency: int = Field(default=8, ge=1)
    keep_repeated: bool = False
    endpoints: dict[str, Any] = Field(default_factory=dict)


def load_comparison(path: Path, store: Store) -> ComparisonFile:
    """Read a comparison with its rows and documents.

    Without `variants`, every prompt under `prompts` is asked of every model under `models`. Paths are relative to the
    file's folder, else to the current folder.

    Args:
        path: The file; a `promptfooconfig.yaml`, or a folder that holds one, is imported.
        store: Holds saved prompts that variants name.

    Raises:
        BadInput: Something in the file, or in a file it names, is wrong; names file and line.
    """
    if path.is_dir():
        return _read_promptfoo(path)
    located_value = read_with_lines(path)
    # promptfoo's own keys, under whatever name the file goes.
    if "providers" in located_value.value or "targets" in located_value.value:
        return _read_promptfoo(path)
    spec = validate_spec(located_value, _File)
    documents = _documents(path.parent, spec, located_value)
    # Without a project it is named as its file, so that two files do not share one.
    project = spec.project or path.stem
    rows, notes = _rows(path.parent, spec, located_value, documents)
    plan = ComparisonPlan(
        project,
        _variants(spec, located_value, store, project),
        rows,
        spec.assertions,
        spec.judge,
        spec.metrics,
        spec.repeats,
        spec.concurrency,
        documents,
    )
    # Examples that repeat a row would show a model the answer that it is asked for.
    plan, omissions = (plan, {}) if spec.keep_repeated else without_leaks(plan)
    # `from_file`: their hosts have to be trusted before anything is sent there.
    endpoints = {name: one.from_file(path.name) for name, one in endpoints_in(spec.endpoints, path.name).items()}
    return ComparisonFile(plan, endpoints, warnings=notes, repeats=omissions)


def _read_promptfoo(path: Path) -> ComparisonFile:
    import_result = import_promptfoo(path)
    plan = ComparisonPlan(
        import_result.name,
        import_result.configurations,
        import_result.evaluation_set,
        judge=import_result.judge,
        repeats=import_result.repeat,
    )
    return ComparisonFile(plan, import_result.endpoints, import_result.not_run, import_result.warnings)


def _documents(folder: Path, file: _File, source: LocatedValue) -> tuple[Document, ...]:
    paths = [resolve_path(folder, name, source, ("documents", i)) for i, name in enumerate(file.documents)]
    if not paths:
        return ()
    return tuple(load_documents(paths, root=documents_root(paths), encoding=file.encoding, main_only=file.main_only))


def _rows(
    folder: Path, file: _File, file_source: LocatedValue, documents: tuple[Document, ...]
) -> tuple[EvaluationSet, tuple[str, ...]]:
    """The rows, and what the user should know of the file they come from."""
    # Both, or neither: either way it is not clear which rows are meant.
    if bool(file.evaluation_set) == bool(file.inputs):
        raise file_source.error((), "name either evaluation_set (a question file) or inputs (a list of questions).")
    notes: tuple[str, ...] = ()
    if file.inputs:
        rows = free_input([{"question": row} if isinstance(row, str) else row for row in file.inputs])
    else:
        path = resolve_path(folder, file.evaluation_set, file_source, ("evaluation_set",))
        source = read_questions(
            path,
            path.name,
            documents or None,
            columns=file.columns,
            skip_bad_lines=True,
            encoding=file.questions_encoding,
        )
        # Named without the ending, as the sets of the app are.
        rows, notes = replace(source.evaluation_set, name=path.stem), tuple(f"{path.name}: {n}" for n in source.notes)
    return rows if file.limit is None else first_examples(rows, file.limit), notes


def _variants(file: _File, source: LocatedValue, store: Store, project: str) -> tuple[Configuration, ...]:
    if file.variants:
        return tuple(
            Configuration(
                name=variant.name,
                model=variant.model,
                prompt=_prompt(variant.prompt, file, source, store, project, place),
                retrieval=variant.retrieval,
            )
            for place, variant in enumerate(file.variants)
        )
    if not file.prompts:
        raise source.error((), "there is nothing to compare; add prompts or variants.")
    several = len(file.models) > 1
    return tuple(
        # One model needs no mention; several would give columns of the same name.
        Configuration(name=f"{name} · {model.name or model.endpoint}" if several else name, model=model, prompt=prompt)
        for name, prompt in file.prompts.items()
        for model in file.models
    )


def _prompt(  # noqa: PLR0917
    prompt: str | PromptSpec, file: _File, source: LocatedValue, store: Store, project: str, place: int
) -> PromptSpec:
    if isinstance(prompt, PromptSpec):
        return prompt
    # The file before the project: what stands in it is what its reader sees.
    if prompt in file.prompts:
        return file.prompts[prompt]
    # Asked first: a project that is not there yet would be an error of its own.
    if project in {stored_project.name for stored_project in store.projects()}:
        try:
            return load_prompt(store, project, prompt)
        except BadInput:
            # Told below, with the names that could have been meant.
            pass
    prompt_names = ", ".join(file.prompts) or "none"
    raise source.error(
        ("variants", place, "prompt"),
        f"there is no prompt {prompt!r}: not under prompts ({prompt_names}), and not saved in the project {project}.",
    )
