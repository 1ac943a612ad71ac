"""`llmopt project`: list, export, import, copy and delete whole projects."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from llmopt_core.cli.output import JsonOption, print_result, printable
from llmopt_core.cli.setup import open_workspace
from llmopt_core.errors import BadInput

group = typer.Typer(help="Projects as a whole: list, export, import, copy, delete.", no_args_is_help=True)

NameArgument = Annotated[str, typer.Argument(metavar="PROJECT", help="Its name.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(group, name="project")


@group.command("list", help="The projects of the workspace.")
def list_projects(json: JsonOption = "") -> None:
    """Name, and how much there is of each."""
    _, store = open_workspace()
    rows = [
        {
            "name": project.name,
            "description": project.description,
            "documents": len(store.document_list(project)),
            "evaluation_sets": len(store.evaluation_sets(project)),
            "runs": len(store.runs(project)),
        }
        for project in store.projects()
    ]
    lines = [
        f"{one['name']}: {one['documents']} documents, {one['evaluation_sets']} evaluation sets, {one['runs']} runs"
        for one in rows
    ]
    print_result("\n".join(lines), {"projects": rows}, json)


@group.command(help="Write a project to one file, with its documents, sets, prompts, configurations, runs and votes.")
def export(
    project: NameArgument,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Such as project.zip.")],
    json: JsonOption = "",
) -> None:
    """One file without keys and without paths of this machine."""
    from llmopt_core.experiments.project_file import export_project

    _, store = open_workspace()
    export_project(store, project, out)
    print_result(f"{project} exported to {out}.", {"project": project, "file": str(out)}, json)


@group.command("import", help="Add the project of a file to this workspace.")
def import_file(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="As `llmopt project export` wrote it.")],
    name: Annotated[str, typer.Option(help="What it is called here; by default as in the file.")] = "",
    json: JsonOption = "",
) -> None:
    """All of it or nothing."""
    from llmopt_core.experiments.project_file import import_project

    _, store = open_workspace()
    project = import_project(store, file, name)
    runs = len(store.runs(project))
    print_result(f"Imported as {project.name}: {runs} runs.", {"project": project.name, "runs": runs}, json)


@group.command(help="Add a copy of a project under another name.")
def copy(
    project: NameArgument,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of the copy.")],
    json: JsonOption = "",
) -> None:
    """The two share nothing but what is cached."""
    from llmopt_core.experiments.project_file import copy_project

    _, store = open_workspace()
    new_project = copy_project(store, project, name)
    print_result(f"{project} copied to {new_project.name}.", {"project": new_project.name}, json)


@group.command(help="Remove a project with its documents, sets, prompts, configurations, runs and votes.")
def delete(
    project: NameArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    json: JsonOption = "",
) -> None:
    """Asks first; where nobody can answer, --yes is needed."""
    from llmopt_core.experiments.project_deletion import delete_project

    settings, store = open_workspace()
    stored_project = store.project(project)
    # Nobody can answer in a pipeline; typer would read the end of the input and say only "Aborted".
    if not yes:
        if not sys.stdin.isatty():
            raise BadInput(f"Deleting {project} cannot be undone; say --yes to do it.")
        # `abort` ends with the code of Ctrl-C, since nothing was done. The name may hold anything, so it is made safe.
        typer.confirm(
            f"Delete {printable(project)} with its {len(store.runs(stored_project))} runs for good?", abort=True
        )
    # Its indexes go with it only where no other project is made of the same chunks.
    index_count = delete_project(store, settings, stored_project)
    message = (
        f"{project} deleted, and {index_count} {'index' if index_count == 1 else 'indexes'} that nothing else uses."
    )
    print_result(message, {"project": project, "indexes": index_count}, json)
