"""`llmopt questions`: the evaluation sets of a project: list, import, export, compare versions, split."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from llmopt_core.cli.output import (
    JsonOption,
    QuestionColumnOption,
    QuestionsEncodingOption,
    note,
    pairs,
    print_result,
    table,
)
from llmopt_core.cli.question_sources import has_project, load_texts, read_file
from llmopt_core.cli.question_texts import describe_diff, describe_sizes, describe_split, diff_values
from llmopt_core.cli.setup import open_workspace
from llmopt_core.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llmopt_core.documents.questions import QuestionFile
    from llmopt_core.runs.store import Store
    from llmopt_core.types import Document, EvaluationSet, Example

group = typer.Typer(help="Evaluation sets: list, import, export, compare versions, split.", no_args_is_help=True)

ProjectOption = Annotated[str, typer.Option("--project", metavar="PROJECT", help="Whose sets; see `llmopt project`.")]
SetArgument = Annotated[
    str, typer.Argument(metavar="SET", help="A set of the project, or a question file without one.")
]
OutOption = Annotated[
    Path | None, typer.Option("--out", metavar="FILE", help="Write the questions to this JSONL file.")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(group, name="questions")


@group.command("list", help="The evaluation sets of a project with their versions and parts.")
def list_sets(
    project: ProjectOption,
    versions: Annotated[bool, typer.Option("--versions", help="Every version, newest first.")] = False,
    json: JsonOption = "",
) -> None:
    """Name, version, size."""
    _, store = open_workspace()
    # An earlier version has no parts of its own any more.
    newest = {item.name: item.version for item in store.evaluation_sets(project)}
    rows: list[dict[str, Any]] = [
        {"name": item.name, "version": item.version, "questions": item.size, "saved_at": item.saved_at.isoformat(),
         "split": _sizes(store, project, item.name) if item.version == newest[item.name] else None}
        for item in store.evaluation_sets(project, every_version=versions)
    ]  # fmt: skip
    body = [
        [row["name"], row["version"], str(row["questions"]), describe_sizes(row["split"]), row["saved_at"][:16]]
        for row in rows
    ]
    text = table(["set", "version", "questions", "split", "saved"], body) if body else f"{project} has no sets yet."
    print_result(text, {"project": project, "sets": rows}, json)


@group.command("import", help="Add questions: JSONL, CSV, SQuAD, or a BEIR/MTEB folder or zip with its corpus.")
def import_file(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="A question file; or a BEIR folder or zip, or its three files."),
    ],
    *,
    project: ProjectOption,
    name: Annotated[str, typer.Option(help="What the set is called; by default as the file.")] = "",
    column: QuestionColumnOption = None,
    questions_encoding: QuestionsEncodingOption = "",
    documents: Annotated[
        list[Path] | None, typer.Option(help="Documents or folders that come along; may be given several times.")
    ] = None,
    paragraphs: Annotated[
        bool, typer.Option("--paragraphs", help="Make documents of the paragraphs that the file brings (SQuAD).")
    ] = False,
    qrels: Annotated[str, typer.Option(metavar="PART", help="Of a data set: whose judgements, such as dev.")] = "",
    json: JsonOption = "",
) -> None:
    """A project that is not there yet is made."""
    from dataclasses import replace

    from llmopt_core.documents.beir import is_beir, read_beir, read_beir_files
    from llmopt_core.documents.questions import read_questions
    from llmopt_core.labs.documents.question_import import (
        import_dataset,
        import_questions,
        read_with_paragraphs,
        set_name_of,
    )

    _, store = open_workspace()
    first = files[0]
    if len(files) > 1:
        contents = {file.name: read_file(file) for file in files}
        dataset = read_beir_files(contents, name or first.absolute().parent.name, qrels)
    elif first.is_dir() or (first.suffix.lower() == ".zip" and first.exists()) or is_beir(first):
        dataset = read_beir(first, name, qrels)
    else:
        set_name, more_documents = name or set_name_of(first.name), load_texts(documents or [])
        names = {document.name for document in more_documents}
        stored_documents = store.documents(project) if has_project(store, project) else []
        all_documents = [*(one for one in stored_documents if one.name not in names), *more_documents]

        def read(texts: Sequence[Document]) -> QuestionFile:
            # Without any document places are taken as they are: the documents may come later.
            return read_questions(
                first, first.name, texts or None, columns=pairs(column), skip_bad_lines=True,
                encoding=questions_encoding,
            )  # fmt: skip

        questions, more = (
            read_with_paragraphs(read, all_documents, set_name) if paragraphs else (read(all_documents), [])
        )
        # Only now, so that a file that cannot be read leaves no empty project.
        store.ensure_project(project)
        store.save_documents(project, [*more_documents, *more])
        return _print_import(
            store,
            project,
            replace(import_questions(store, project, set_name, questions), documents=len(more_documents) + len(more)),
            json,
        )
    store.ensure_project(project)
    return _print_import(store, project, import_dataset(store, project, dataset, name), json)


@group.command(help="Write a set, or one of its parts, to a question file; the column `split` says the part.")
def export(
    name: SetArgument,
    project: ProjectOption,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The JSONL file to write.")],
    json: JsonOption = "",
) -> None:
    """The file reads back as the same version with the same parts."""
    from llmopt_core.runs.question_splits import part_of

    _, store = open_workspace()
    questions = _stored(store, project, name)
    whole = part_of(name)
    split = store.split(project, whole[0] if whole else questions.name)
    _write(out, questions.examples, split.parts if split else {})
    value = {
        "set": questions.name,
        "version": questions.version,
        "questions": len(questions.examples),
        "file": str(out),
    }
    print_result(f"{questions.name}: {len(questions.examples)} questions written to {out}.", value, json)


@group.command(help="What was added, removed and changed between two versions of a set, or two question files.")
def diff(
    old: Annotated[str, typer.Argument(metavar="OLD", help="A file; with --project SET or SET@VERSION.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The same; without it the newest version.")] = "",
    project: Annotated[str, typer.Option("--project", metavar="PROJECT", help="Whose sets; else two files.")] = "",
    json: JsonOption = "",
) -> int:
    """Exits with 0 also where they differ."""
    from llmopt_core.documents.question_diff import compare_sets

    if not project and not new:
        raise BadInput("Name two question files, or a set with --project.")
    if project:
        _, store = open_workspace()
        name = old.rpartition("@")[0] or old
        # The set alone: its newest version against the one before.
        before = _stored(store, project, old if new or "@" in old else f"{old}@{_previous(store, project, old)}")
        after = _stored(store, project, new or name)
    else:
        before, after = _read_file(old).evaluation_set, _read_file(new).evaluation_set
    differences = compare_sets(before, after)
    print_result(describe_diff(before, after, differences), diff_values(before, after, differences), json)
    return 0


@group.command(help="Split a set by document into search, confirm and never seen; say how it is split.")
def split(
    name: SetArgument,
    project: Annotated[str, typer.Option("--project", metavar="PROJECT", help="Whose set; else a file.")] = "",
    *,
    shares: Annotated[str, typer.Option(help="Of search, confirm and never seen, in percent.")] = "50,25,25",
    seed: Annotated[int, typer.Option(help="Another one gives another split.")] = 0,
    again: Annotated[bool, typer.Option("--again", help="Split anew where the set is split already.")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Forget the split.")] = False,
    out: OutOption = None,
    json: JsonOption = "",
) -> None:
    """A question keeps its part in later versions."""
    from llmopt_core.runs.question_splits import make_plan

    if project:
        _, store = open_workspace()
        questions = _stored(store, project, name)
        if remove:
            store.remove_split(project, name)
            print_result(f"{name} is not split any more.", {"set": name, "split": None}, json)
            return
        if again or store.split_plan(project, name) is None:
            result = store.make_split(project, name, _shares(shares), seed)
        else:
            note(f"llmopt: {name} is split already; --again splits it anew")
            result = store.split(project, name) or store.make_split(project, name)
    else:
        table = _read_file(name)
        questions = table.evaluation_set
        # What the file says already is kept, unless it is to be split anew.
        _, result = make_plan(questions, _shares(shares), seed, {} if again else table.parts)
    if out is not None:
        _write(out, questions.examples, result.parts)
    value = {
        "set": questions.name, "version": questions.version, "sizes": result.sizes, "parts": dict(result.parts),
        "moved": list(result.moved), "notes": list(result.notes),
    }  # fmt: skip
    print_result(describe_split(questions, result), value, json)


def _print_import(store: Store, project: str, imported: Any, json: str) -> None:
    saved_set = imported.saved
    documents = f" and {imported.documents} documents" if imported.documents else ""
    lines = [f"{saved_set.name}: {saved_set.size} questions{documents} in {project}, version {saved_set.version}"]
    if imported.diff is not None:
        lines.append(f"against the version before: {imported.diff.summary}")
    for line in imported.notes:
        note(f"llmopt: {line}")
    value = {
        "project": project, "set": saved_set.name, "version": saved_set.version, "questions": saved_set.size,
        "documents": imported.documents, "split": _sizes(store, project, saved_set.name), "notes": list(imported.notes),
        "changes": imported.diff.summary if imported.diff else None,
    }  # fmt: skip
    print_result("\n".join(lines), value, json)


def _stored(store: Store, project: str, label: str) -> EvaluationSet:
    """A set by `NAME` or `NAME@VERSION`, of which the first characters are enough."""
    name, at, version = label.rpartition("@")
    names = {item.name for item in store.evaluation_sets(project, parts=True)}
    # A name may hold the sign itself.
    if not at or label in names:
        return store.evaluation_set(project, label)
    versions = [item.version for item in store.evaluation_sets(project, every_version=True) if item.name == name]
    matches = [one for one in versions if version and one.startswith(version)]
    if len(matches) != 1:
        listing = ", ".join(versions[:8]) or "none"
        raise BadInput(f"{name} has {'several versions' if matches else 'no version'} {version}; there are: {listing}.")
    return store.evaluation_set(project, name, matches[0])


def _previous(store: Store, project: str, name: str) -> str:
    versions = [item.version for item in store.evaluation_sets(project, every_version=True) if item.name == name]
    if len(versions) < 2:
        store.evaluation_set(project, name)  # Refuses a name that is not there.
        raise BadInput(f"{name} has one version only, so there is nothing to compare.")
    return versions[1]


def _read_file(name: str) -> QuestionFile:
    from llmopt_core.documents.questions import read_questions

    path = Path(name)
    if not path.exists():
        raise BadInput(f"{name} does not exist; name a question file, or a set with --project.")
    return read_questions(path, path.name, skip_bad_lines=True)


def _shares(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(word) for word in text.split(","))
    except ValueError:
        raise BadInput(f"--shares: expected three whole numbers such as 50,25,25, found {text!r}.") from None


def _write(out: Path, examples: tuple[Example, ...], parts: Any) -> None:
    from llmopt_core.documents.question_export import questions_jsonl
    from llmopt_core.workspace import write_output

    write_output(out, questions_jsonl(examples, parts))


def _sizes(store: Store, project: str, name: str) -> dict[str, int] | None:
    plan = store.split(project, name)
    return None if plan is None else plan.sizes
