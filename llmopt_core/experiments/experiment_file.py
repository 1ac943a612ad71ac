"""An experiment file: YAML -> what is compared, on what, graded how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import Field

from llmopt_core.documents.load import load_documents
from llmopt_core.documents.qrels import read_qrels, with_judgements
from llmopt_core.documents.questions import read_questions
from llmopt_core.errors import BadInput
from llmopt_core.evaluation.judges.judge import JudgeSpec
from llmopt_core.evaluation.metrics.registry import METRICS
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.data_file import fill_in_data
from llmopt_core.experiments.file_validation import guess, validate_spec
from llmopt_core.experiments.saved_prompts import fill_in_prompts
from llmopt_core.experiments.set_choice import choose_stored_part, take_set_choice
from llmopt_core.experiments.yaml_lines import LocatedValue, merge, read_yaml
from llmopt_core.models.endpoints import Endpoint, endpoints_in
from llmopt_core.runs.question_splits import SplitPlan
from llmopt_core.runs.store import Store
from llmopt_core.text.files import read_regular_file
from llmopt_core.types import Document, EvaluationSet, Spec

# Two of the answer, two of what was found for it, and one against the reference.
DEFAULT_METRICS = ("faithfulness", "answer_relevancy", "context_precision", "context_recall", "answer_f1")

DEFAULT_DATA_METRICS = ("execution_accuracy", "first_draft_accuracy", "valid_sql", "table_recall")

# In bytes: far more than anybody writes, and YAML takes ten seconds for each megabyte.
_LARGEST = 5_000_000


class Experiment(Spec):
    """What an experiment file says, read and checked.

    Attributes:
        project: Name of the project the runs belong to.
        documents: All documents, read; empty where no configuration retrieves.
        endpoints: Endpoints named in the file, over those of the environment.
        notes: What the user should know of the question file, such as lines that were left out.
        whole_set: All questions, where `evaluation_set` is a part of them.
        split_plan: How the set is split; None where it is not.
        parents: By configuration, the name of the one that it extends.
    """

    project: str
    documents: tuple[Document, ...]
    evaluation_set: EvaluationSet
    judge: JudgeSpec
    metrics: tuple[str, ...]
    configurations: tuple[Configuration, ...]
    endpoints: dict[str, Endpoint] = Field(default_factory=dict)
    notes: tuple[str, ...] = ()
    whole_set: EvaluationSet | None = None
    split_plan: SplitPlan | None = None
    parents: dict[str, str] = Field(default_factory=dict)

    def configuration(self, name: str) -> Configuration:
        """The configuration of that name.

        Raises:
            BadInput: There is none.
        """
        for configuration in self.configurations:
            if configuration.name == name:
                return configuration
        names = [configuration.name for configuration in self.configurations]
        raise BadInput(f"There is no configuration named {name!r}; the file has: {', '.join(names)}.")


class _File(Spec):
    project: str = Field(default="", max_length=200)
    documents: tuple[str, ...] = ()
    encoding: str = ""
    main_only: bool = False
    evaluation_set: str
    questions_encoding: str = ""
    qrels: str = ""
    columns: dict[str, str] = Field(default_factory=dict)
    judge: JudgeSpec = JudgeSpec()
    metrics: tuple[str, ...] = DEFAULT_METRICS
    configurations: tuple[Configuration, ...] = Field(min_length=1)
    endpoints: dict[str, Any] = Field(default_factory=dict)


def load_experiment(
    path: Path,
    columns: Mapping[str, str] | None = None,
    questions_encoding: str = "",
    store: Store | None = None,
    split: str = "",
) -> Experiment:
    """Read an experiment with its documents and questions.

    Paths in the file are relative to the file's folder, else to the current folder. Bad lines of the question file are
    left out and named in `notes`.

    Args:
        path: The experiment file.
        columns: What columns of the question file mean, over what the file says under `columns`.
        questions_encoding: Of the question file, over what the file says under `questions_encoding`.
        store: Holds the saved prompts that the file names, by default that of the environment; and how the project
            splits its sets.
        split: The part of the set that is asked, over what the file says under `evaluation_set.split`; see
            `choose_part`.

    Raises:
        BadInput: Something in the file, or in a file it names, is wrong; names file and line.
    """
    written_value = _with_saved_prompts(read_with_lines(path), path, store)
    located_value = _resolve_extends(written_value)
    located_value, file_split = take_set_choice(located_value)
    folder = path.parent
    located_value = fill_in_data(located_value, partial(_resolve, folder, located_value))
    spec = validate_spec(located_value, _File)
    _check_names(spec, located_value)
    paths = [resolve_path(folder, name, located_value, ("documents", i)) for i, name in enumerate(spec.documents)]
    documents = (
        load_documents(paths, root=documents_root(paths), encoding=spec.encoding, main_only=spec.main_only)
        if paths
        else []
    )
    path_of_set = resolve_path(folder, spec.evaluation_set, located_value, ("evaluation_set",))
    questions = read_questions(
        path_of_set,
        path_of_set.name,
        documents or None,
        columns={**spec.columns, **(columns or {})},
        skip_bad_lines=True,
        encoding=questions_encoding or spec.questions_encoding,
    )
    if spec.qrels:
        judgements = read_qrels(resolve_path(folder, spec.qrels, located_value, ("qrels",)))
        questions = with_judgements(questions, judgements, documents)
    project = spec.project or path.stem
    whole_set = EvaluationSet(path_of_set.stem, questions.evaluation_set.examples)
    choice = choose_stored_part(store, project, whole_set, split or file_split, questions.parts)
    notes = [f"{path_of_set.name}: {line}" for line in questions.notes]
    return Experiment(
        project=project,
        documents=tuple(documents),
        evaluation_set=choice.questions,
        judge=spec.judge,
        metrics=spec.metrics if "metrics" in spec.model_fields_set else _usual_metrics(spec, choice.questions),
        configurations=spec.configurations,
        endpoints=_endpoints(spec, located_value),
        notes=(*notes, choice.note) if choice.note else tuple(notes),
        whole_set=whole_set,
        split_plan=choice.plan,
        parents={item["name"]: item["extends"] for item in written_value.value["configurations"] if "extends" in item},
    )


def _usual_metrics(file: _File, questions: EvaluationSet) -> tuple[str, ...]:
    """What is measured where the file does not say: of data questions, whether the result is right."""
    is_data = all(configuration.data is not None for configuration in file.configurations)
    has_queries = all(example.gold_queries for example in questions.examples)
    return DEFAULT_DATA_METRICS if is_data and has_queries else DEFAULT_METRICS


def _with_saved_prompts(file: LocatedValue, path: Path, store: Store | None) -> LocatedValue:
    project = file.value.get("project") or path.stem
    if not isinstance(file.value.get("configurations"), list) or not isinstance(project, str):
        return file
    return fill_in_prompts(file, store, project)


def _endpoints(file: _File, source: LocatedValue) -> dict[str, Endpoint]:
    endpoints: dict[str, Endpoint] = {}
    for name, fields in file.endpoints.items():
        where = f"{source.source} line {source.line(('endpoints', name))}"
        # One at a time, so that an error names the line of its endpoint.
        endpoints |= {key: one.from_file(source.source) for key, one in endpoints_in({name: fields}, where).items()}
    return endpoints


def read_with_lines(path: Path) -> LocatedValue:
    """A YAML file that holds a mapping, with its line numbers.

    Raises:
        BadInput: It is missing, no text, no YAML, too large, or holds no mapping.
    """
    if not path.exists():
        raise BadInput(f"{path} does not exist.")
    if path.is_dir():
        raise BadInput(f"{path} is a folder; name an experiment file (YAML).")
    try:
        # Editors on Windows put a byte order mark before the text (`-sig`).
        text = read_regular_file(path, partial(_check_size, path)).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} is not UTF-8 text; save it as UTF-8.") from error
    located_value = read_yaml(text, path.name)
    if not isinstance(located_value.value, dict):
        raise located_value.error((), "an experiment file is a mapping with evaluation_set and configurations.")
    return located_value


def _check_size(path: Path, size: int) -> None:
    if size > _LARGEST:
        raise BadInput(f"{path} is larger than 5 MB; an experiment file names documents, it does not hold them.")


def _resolve_extends(file: LocatedValue) -> LocatedValue:
    """The file with every `extends` resolved."""
    items = file.value.get("configurations")
    if not isinstance(items, list):
        return file
    names: dict[str, int] = {}
    for i, item in enumerate(items):
        if not isinstance(item, dict):
            raise file.error(("configurations", i), "a configuration is a mapping with a name.")
        name = item.get("name")
        if isinstance(name, str) and name in names:
            raise file.error(("configurations", i, "name"), f"there are two configurations named {name}; rename one.")
        if isinstance(name, str):
            names[name] = i
    # Copied, so that what is filled in does not change what the next one extends.
    value = dict(file.value, configurations=list(items))
    # Lines inside configurations are written anew, with those of what each extends.
    lines = {path: line for path, line in file.lines.items() if path[:1] != ("configurations",) or len(path) == 1}
    for i in range(len(items)):
        extended_value = _extend(file, i, names, ())
        value["configurations"][i] = extended_value.value
        lines.update({("configurations", i, *path): line for path, line in extended_value.lines.items()})
    return LocatedValue(value, lines, file.source)


def _extend(file: LocatedValue, i: int, names: dict[str, int], above: tuple[int, ...]) -> LocatedValue:
    child = file.at("configurations", i)
    if "extends" not in child.value:
        return child
    parent = child.value["extends"]
    place = ("configurations", i, "extends")
    if not isinstance(parent, str) or parent not in names:
        raise file.error(
            place, f"extends names {parent!r}, but there is no such configuration{guess(str(parent), names)}."
        )
    if names[parent] == i or names[parent] in above:
        raise file.error(place, f"extends runs in a circle through {parent!r}.")
    # The extended one first, as its own values go over it.
    merged_value = merge(_under_one_name(_extend(file, names[parent], names, (*above, i))), _under_one_name(child))
    return LocatedValue(
        {key: item for key, item in merged_value.value.items() if key != "extends"},
        merged_value.lines,
        merged_value.source,
    )


def _under_one_name(own: LocatedValue) -> LocatedValue:
    """A configuration with its fact check under today's names, so that what extends it may use those or the former."""
    value = dict(own.value)
    if "checks" in value and "fact_check" not in value:
        value["fact_check"] = value.pop("checks")
    part = value.get("fact_check")
    if isinstance(part, dict) and "fact_check" in part and "method" not in part:
        value["fact_check"] = {("method" if key == "fact_check" else key): item for key, item in part.items()}
    return LocatedValue(value, {_new_path(path): line for path, line in own.lines.items()}, own.source)


def _new_path(path: tuple[str | int, ...]) -> tuple[str | int, ...]:
    new_path = ("fact_check", *path[1:]) if path[:1] == ("checks",) else path
    return ("fact_check", "method", *new_path[2:]) if new_path[:2] == ("fact_check", "fact_check") else new_path


def _check_names(file: _File, source: LocatedValue) -> None:
    for i, name in enumerate(file.metrics):
        if name not in METRICS:
            metric_names = ", ".join(METRICS)
            raise source.error(
                ("metrics", i), f"there is no metric named {name}{guess(name, METRICS)}; known are: {metric_names}."
            )
        if name in file.metrics[:i]:
            raise source.error(("metrics", i), f"the metric {name} stands here a second time; remove one of them.")


def _resolve(folder: Path, source: LocatedValue, name: str, path: tuple[str | int, ...]) -> Path:
    return resolve_path(folder, name, source, path)


def resolve_path(folder: Path, name: str, source: LocatedValue, path: tuple[str | int, ...]) -> Path:
    """The file that is named at this place, in the file's folder or the current one.

    Raises:
        BadInput: There is none; names file and line.
    """
    for candidate in (folder / name, Path(name)):
        # A name may be too long for a file, or hold what no name may hold.
        with suppress(OSError, ValueError):
            if candidate.exists():
                return candidate
    raise source.error(path, f"{name} does not exist (looked in {folder.resolve()} and in the current folder).")


def documents_root(paths: Sequence[Path]) -> Path | None:
    """Names of documents are relative to their folder when there is one folder; else the loader decides."""
    return paths[0] if len(paths) == 1 and paths[0].is_dir() else None
