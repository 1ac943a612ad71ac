"""Files of any tool -> the variants in them: what a file is shows in its shape, not in its name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from llmopt_core.errors import BadInput
from llmopt_core.interop.results import (
    deepeval,
    inspect_ai,
    langfuse,
    lm_eval,
    mlflow,
    openai_evals,
    opentelemetry,
    phoenix,
    promptfoo,
    table,
)
from llmopt_core.interop.results.files import EXPECTED, ResultFile, read_paths
from llmopt_core.interop.results.rows import VariantResults

Files = Sequence[tuple[ResultFile, str]]


@dataclass(frozen=True, slots=True)
class Reader:
    """What reads the files of one tool.

    Attributes:
        kind: Which of the tool's files one is; empty where it is none.
        read: All of the tool's files at once, as some belong together.
    """

    kind: Callable[[ResultFile], str]
    read: Callable[[Files], list[VariantResults]]


# The most telling shapes first; a plain table fits many.
READERS: tuple[Reader, ...] = tuple(
    Reader(tool.kind, tool.read)
    for tool in (
        promptfoo, inspect_ai, lm_eval, deepeval, langfuse, mlflow, opentelemetry, phoenix, openai_evals, table,
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class FoundResults:
    """What files hold.

    Attributes:
        variants: All of all files.
        problems: What could not be read, a sentence each that begins with file and line.
    """

    variants: tuple[VariantResults, ...]
    problems: tuple[str, ...]


def find_results(paths: Sequence[Path]) -> FoundResults:
    """The variants in files and folders.

    Raises:
        BadInput: One is no file of results, or what belongs to it is missing.
    """
    files, problems = read_paths(paths)
    variants = recognise(files)
    return FoundResults(variants.variants, (*problems, *variants.problems))


def recognise(files: Sequence[ResultFile]) -> FoundResults:
    """The variants in files that were read.

    Raises:
        BadInput: See `find_results`.
    """
    by_reader: dict[int, list[tuple[ResultFile, str]]] = {}
    problems = [problem for file in files for problem in file.problems]
    for file in files:
        place, form = _reader_of(file)
        if not form:
            problems.append(f"{file.name}: no file of results, left out")
            continue
        if form == "questions":
            if len(files) == 1:
                raise BadInput(
                    f"{file.name} holds questions without answers and scores; import it as an evaluation set, or give "
                    "the results."
                )
            problems.append(f"{file.name}: questions without answers and scores, left out")
            continue
        by_reader.setdefault(place, []).append((file, form))
    variants = [variant for place, own in by_reader.items() for variant in READERS[place].read(own)]
    variants = [variant for variant in variants if variant.rows]
    if not variants:
        raise BadInput(f"{', '.join(file.name for file in files)}: no result in it; expected {EXPECTED}.")
    return FoundResults(tuple(variants), tuple(problems))


def _reader_of(file: ResultFile) -> tuple[int, str]:
    for place, reader in enumerate(READERS):
        form = reader.kind(file)
        if form:
            return place, form
    # Other files may lie in a folder, such as what a tool was set up with.
    if not file.is_named:
        return -1, ""
    if file.problems and not file.objects:
        raise BadInput(f"{file.problems[0]}; expected {EXPECTED}.")
    if openai_evals.is_open_source_log(file):
        raise BadInput(
            f"{file.name} is a log of OpenAI's open-source Evals (oaieval), which is not read; run the eval in "
            "promptfoo and import that, or write a table with the columns question, answer, reference and correct."
        )
    raise BadInput(f"{file.name} is no file of results; expected {EXPECTED}.")
