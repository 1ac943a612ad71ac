"""An experiment file: YAML -> what is compared, on what, graded how."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, Field, ValidationError
from pydantic_core import ErrorDetails

from llmopt_core.documents.load import load_documents
from llmopt_core.documents.qrels import read_qrels, with_judgements
from llmopt_core.documents.questions import read_questions
from llmopt_core.errors import BadInput, field_problem
from llmopt_core.evaluation.judges.judge import JudgeSpec
from llmopt_core.evaluation.metrics.registry import METRICS
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.saved_prompts import prompts_filled_in
from llmopt_core.experiments.yaml_lines import Located, merged, read_yaml
from llmopt_core.models.endpoints import Endpoint, endpoints_in
from llmopt_core.runs.store import Store
from llmopt_core.text.files import read_regular_file
from llmopt_core.types import Document, EvaluationSet, Spec, plain_types, takes_number

DEFAULT_METRICS = ("faithfulness", "answer_relevancy", "context_precision", "context_recall", "answer_f1")

_LARGEST = 5_000_000

S = TypeVar("S", bound=Spec)


class Experiment(Spec):
    """What an experiment file says, read and checked.

    Attributes:
        project: Name of the project the runs belong to.
        documents: All documents, read; empty where no configuration retrieves.
        endpoints: Endpoints named in the file, over those of the environment.
        notes: What the user should know of the question file, such as lines that were left out.
    """

    project: str
    documents: tuple[Document, ...]
    evaluation_set: EvaluationSet
    judge: JudgeSpec
    metrics: tuple[str, ...]
    configurations: tuple[Configuration, ...]
    endpoints: dict[str, Endpoint] = Field(default_factory=dict)
    notes: tuple[str, ...] = ()

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
) -> Experiment:
    """Read an experiment with its documents and questions.

    Paths in the file are relative to the file's folder, else to the current folder. Bad lines of the question file are
    left out and named in `notes`.

    Args:
        path: The experiment file.
        columns: What columns of the question file mean, over what the file says under `columns`.
        questions_encoding: Of the question file, over what the file says under `questions_encoding`.
        store: Holds the saved prompts that the file names; by default that of the environment.

    Raises:
        BadInput: Something in the file, or in a file it names, is wrong; names file and line.
    """
    located = _resolve_extends(_with_saved_prompts(read_located(path), path, store))
    said = validated(located, _File)
    _check_names(said, located)
    folder = path.parent
    paths = [found_path(folder, name, located, ("documents", i)) for i, name in enumerate(said.documents)]
    documents = (
        load_documents(paths, root=documents_root(paths), encoding=said.encoding, main_only=said.main_only)
        if paths
        else []
    )
    path_of_set = found_path(folder, said.evaluation_set, located, ("evaluation_set",))
    found = read_questions(
        path_of_set,
        path_of_set.name,
        documents or None,
        columns={**said.columns, **(columns or {})},
        skip_bad_lines=True,
        encoding=questions_encoding or said.questions_encoding,
    )
    if said.qrels:
        judgements = read_qrels(found_path(folder, said.qrels, located, ("qrels",)))
        found = with_judgements(found, judgements, documents)
    return Experiment(
        project=said.project or path.stem,
        documents=tuple(documents),
        evaluation_set=EvaluationSet(path_of_set.stem, found.evaluation_set.examples),
        judge=said.judge,
        metrics=said.metrics,
        configurations=said.configurations,
        endpoints=_endpoints(said, located),
        notes=tuple(f"{path_of_set.name}: {line}" for line in found.notes),
    )


def _with_saved_prompts(file: Located, path: Path, store: Store | None) -> Located:
    project = file.value.get("project") or path.stem
    if not isinstance(file.value.get("configurations"), list) or not isinstance(project, str):
        return file
    return prompts_filled_in(file, store, project)


def _endpoints(said: _File, located: Located) -> dict[str, Endpoint]:
    found: dict[str, Endpoint] = {}
    for name, fields in said.endpoints.items():
        where = f"{located.source} line {located.line(('endpoints', name))}"
        found |= {key: one.brought_by(located.source) for key, one in endpoints_in({name: fields}, where).items()}
    return found


def read_located(path: Path) -> Located:
    """A YAML file that holds a mapping, with its line numbers.

    Raises:
        BadInput: It is missing, no text, no YAML, too large, or holds no mapping.
    """
    if not path.exists():
        raise BadInput(f"{path} does not exist.")
    if path.is_dir():
        raise BadInput(f"{path} is a folder; name an experiment file (YAML).")
    try:
        text = read_regular_file(path, partial(_check_size, path)).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} is not UTF-8 text; save it as UTF-8.") from error
    located = read_yaml(text, path.name)
    if not isinstance(located.value, dict):
        raise located.error((), "an experiment file is a mapping with evaluation_set and configurations.")
    return located


def _check_size(path: Path, size: int) -> None:
    if size > _LARGEST:
        raise BadInput(f"{path} is larger than 5 MB; an experiment file names documents, it does not hold them.")


def _resolve_extends(file: Located) -> Located:
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
    value = dict(file.value, configurations=list(items))
    lines = {path: line for path, line in file.lines.items() if path[:1] != ("configurations",) or len(path) == 1}
    for i in range(len(items)):
        resolved = _extend(file, i, names, ())
        value["configurations"][i] = resolved.value
        lines.update({("configurations", i, *path): line for path, line in resolved.lines.items()})
    return Located(value, lines, file.source)


def _extend(file: Located, i: int, names: dict[str, int], above: tuple[int, ...]) -> Located:
    own = file.at("configurations", i)
    if "extends" not in own.value:
        return own
    parent = own.value["extends"]
    here = ("configurations", i, "extends")
    if not isinstance(parent, str) or parent not in names:
        raise file.error(
            here, f"extends names {parent!r}, but there is no such configuration{_guess(str(parent), names)}."
        )
    if names[parent] == i or names[parent] in above:
        raise file.error(here, f"extends runs in a circle through {parent!r}.")
    whole = merged(_under_one_name(_extend(file, names[parent], names, (*above, i))), _under_one_name(own))
    return Located({key: item for key, item in whole.value.items() if key != "extends"}, whole.lines, whole.source)


def _under_one_name(own: Located) -> Located:
    """A configuration with its fact check under today's names, so that what extends it may use those or the former."""
    value = dict(own.value)
    if "checks" in value and "fact_check" not in value:
        value["fact_check"] = value.pop("checks")
    part = value.get("fact_check")
    if isinstance(part, dict) and "fact_check" in part and "method" not in part:
        value["fact_check"] = {("method" if key == "fact_check" else key): item for key, item in part.items()}
    return Located(value, {_new_path(path): line for path, line in own.lines.items()}, own.source)


def _new_path(path: tuple[str | int, ...]) -> tuple[str | int, ...]:
    whole = ("fact_check", *path[1:]) if path[:1] == ("checks",) else path
    return ("fact_check", "method", *whole[2:]) if whole[:2] == ("fact_check", "fact_check") else whole


def validated(located: Located, kind: type[S]) -> S:
    """What the file says, as the spec of its kind.

    Raises:
        BadInput: It says something else; names file and line.
    """
    _refuse_yes_for_numbers(located, kind)
    try:
        return kind.model_validate(located.value)
    except ValidationError as error:
        raise _spec_error(error.errors(include_url=False)[0], located, kind) from None


def _refuse_yes_for_numbers(located: Located, kind: type[BaseModel]) -> None:
    """`yes` and `true` are 1 to pydantic, which nobody means by them."""
    for path in located.lines:
        value: Any = located.value
        for step in path:
            value = _part(value, step)
        spec = _spec_at(path[:-1], kind) if isinstance(value, bool) and path else None
        field = spec.model_fields.get(str(path[-1])) if spec is not None else None
        if field is not None and not {bool, Any} & plain_types(field.annotation):
            word = "a number" if takes_number(field.annotation) else "something else than yes or no"
            raise located.error(path, f"{_words(path, located.value)} is {value}, but should be {word}.")


def _part(value: Any, step: str | int) -> Any:
    if isinstance(value, dict):
        return value.get(step)
    return value[step] if isinstance(value, list) and isinstance(step, int) and step < len(value) else None


def _spec_error(error: ErrorDetails, located: Located, root: type[BaseModel]) -> BadInput:
    path = _real_path(error["loc"], located.value)
    where = _words(path, located.value)
    prefix = f"{where}: " if where else ""
    kind = error["type"]
    if kind == "extra_forbidden":
        key = str(error["loc"][-1])
        return located.error(
            (*path[:-1], key) if path and path[-1] == key else path, _unknown_key(key, path[:-1], where, root)
        )
    if kind == "missing":
        return located.error(path, f"{prefix}{error['loc'][-1]} is missing.")
    message = _plain_words(error)
    if kind == "literal_error":
        expected = str(error.get("ctx", {}).get("expected", ""))
        return located.error(path, f"{where} is {error['input']!r}, but must be one of {expected}.")
    if kind == "value_error":
        names_it = bool(path) and message.startswith(f"{path[-1]} ")
        return located.error(path, f"{message}." if names_it else f"{prefix}{message}.")
    if kind in ("string_too_short", "too_short") and not error["input"]:
        return located.error(path, f"{where} is empty.")
    shown = repr(error["input"])
    should = message if message.startswith("should ") else f"should be {message}"
    return located.error(path, f"{where} is {shown[:60]}, but {should}.")


def _plain_words(error: ErrorDetails) -> str:
    """What is wrong, in the words of a YAML file."""
    if error["type"] in ("model_type", "model_attributes_type", "dict_type"):
        return "a mapping"
    return field_problem({key: error[key] for key in ("type", "msg")}).removeprefix("should be ")


def _real_path(loc: Iterable[int | str], value: Any) -> tuple[int | str, ...]:
    """The part of pydantic's location that is in the file; the rest names alternatives of a union."""
    path: list[int | str] = []
    for step in loc:
        inside = isinstance(value, dict) and step in value
        inside = inside or (isinstance(value, list) and isinstance(step, int) and step < len(value))
        if inside:
            path.append(step)
            value = value[step]
    return tuple(path)


def _words(path: Sequence[int | str], value: Any) -> str:
    """The path in words: configurations are told by name."""
    words: list[str] = []
    for step in path:
        value = value[step]
        if (
            words == ["configurations"]
            and isinstance(value, dict)
            and value.get("name")
            and isinstance(value["name"], str)
        ):
            words = [value["name"]]
        else:
            words.append(str(step))
    return ".".join(words)


def _unknown_key(key: str, above: Sequence[int | str], where: str, root: type[BaseModel]) -> str:
    spec = _spec_at(above, root)
    if spec is None:
        return f"{where} is not known here."
    known = [*spec.model_fields, *(["extends"] if spec is Configuration else [])]
    return f"{where} is not known{_guess(key, known)}; known are: {', '.join(known)}."


def _spec_at(path: Sequence[int | str], root: type[BaseModel]) -> type[BaseModel] | None:
    """The spec that describes this place of the file."""
    spec: type[BaseModel] | None = root
    for step in path:
        if isinstance(step, int) or (spec is not None and step not in spec.model_fields):
            # A place in a list, or a name that the user chose.
            continue
        annotation = spec.model_fields[step].annotation if spec else None
        spec = _model_in(annotation)
    return spec


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part)) is not None), None)


def _guess(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" (did you mean {near[0]}?)" if near else ""


def _check_names(said: _File, located: Located) -> None:
    for i, name in enumerate(said.metrics):
        if name not in METRICS:
            known = ", ".join(METRICS)
            raise located.error(
                ("metrics", i), f"there is no metric named {name}{_guess(name, METRICS)}; known are: {known}."
            )
        if name in said.metrics[:i]:
            raise located.error(("metrics", i), f"the metric {name} stands here a second time; remove one of them.")


def found_path(folder: Path, name: str, located: Located, path: tuple[str | int, ...]) -> Path:
    """The file that is named at this place, in the file's folder or the current one.

    Raises:
        BadInput: There is none; names file and line.
    """
    for candidate in (folder / name, Path(name)):
        # A name may be too long for a file, or hold what no name may hold.
        with suppress(OSError, ValueError):
            if candidate.exists():
                return candidate
    raise located.error(path, f"{name} does not exist (looked in {folder.resolve()} and in the current folder).")


def documents_root(paths: Sequence[Path]) -> Path | None:
    """Names of documents are relative to their folder when there is one folder; else the loader decides."""
    return paths[0] if len(paths) == 1 and paths[0].is_dir() else None
