"""Results of other tools on the Evaluation page: a dialog that reads files, says what they hold, and imports them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from llmopt_core.runs.values import Project
from llmopt_ui import format as fmt
from llmopt_ui.components import show_errors
from llmopt_ui.resources import store
from llmopt_ui.session import notify, state
from llmopt_ui.tables import show_table

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

    from llmopt_core.interop.results.imported_run import ImportedRun
    from llmopt_core.labs.evaluation.import_results import ImportOutcome, ImportPreview

NAME = "import results"
FILES, SET, IMPORT = "import_results_files", "import_results_set", "import_results_import"
_HELP = (
    "Results of promptfoo, Inspect AI, lm-evaluation-harness, DeepEval, Ragas, Phoenix, Langfuse, OpenAI, MLflow and "
    "OpenTelemetry, or a table with questions and scores, become runs of this project. Files that belong together are "
    "given together: samples with their results, traces with their scores and the items of the data set."
)
# More lines would push the button that imports out of the window; the rest is counted.
_MOST_PROBLEMS = 6


def import_button(project: Project, key: str) -> None:
    """Opens the dialog."""
    st.button("Import results", key=key, icon=":material/upload_file:", help="Result files of other evaluation tools.",
              on_click=_open, args=(NAME,))  # fmt: skip
    if state().dialog == NAME:
        _dialog(project)


def _open(dialog: str = "") -> None:
    state().dialog = dialog


@st.dialog("Import results of other tools", width="large", on_dismiss=_open)
def _dialog(project: Project) -> None:
    st.caption(_HELP)
    files = st.file_uploader("Result files", accept_multiple_files=True, key=FILES)
    if not files:
        return
    with show_errors():
        preview = _read(tuple(file.file_id for file in files), files)
        _preview(preview)
        name = st.text_input("Call the evaluation set", key=SET, placeholder="As its file; a set of these questions "
                             "that is there already is used")  # fmt: skip
        label = f"Import {fmt.plural(len(preview.runs), 'run')}"
        if st.button(label, key=IMPORT, type="primary"):
            _import(project, preview, (name or "").strip())


# By the ids of the uploads: each is another file, and their contents may be large.
@st.cache_resource(max_entries=4, show_spinner="Reading …", scope="session")
def _read(ids: tuple[str, ...], _files: Sequence[UploadedFile]) -> ImportPreview:
    from llmopt_core.labs.evaluation.import_results import read_uploads

    return read_uploads([(file.name, file.getvalue()) for file in _files])


def _preview(preview: ImportPreview) -> None:
    show_table([_row(run) for run in preview.runs], "What the files hold")
    for problem in preview.problems[:_MOST_PROBLEMS]:
        st.caption(f":material/info: {fmt.markdown(problem)}")
    if len(preview.problems) > _MOST_PROBLEMS:
        st.caption(f"{len(preview.problems) - _MOST_PROBLEMS:,} more lines were left out.")


def _row(run: ImportedRun) -> dict[str, str]:
    failed = sum(all(row.failure for row in case.answers) for case in run.cases)
    answered = f"{fmt.plural(len(run.cases), 'question')}{f', {failed:,} failed' if failed else ''}"
    repeats = f"  \n:gray[up to {run.repeats} answers each]" if run.repeats > 1 else ""
    return {
        "Variant": f"**{fmt.markdown(run.name)}**  \n:gray[{fmt.markdown(run.source)}]",
        "Questions": f"{answered}{repeats}",
        "Scores": fmt.markdown(", ".join(metric.partition(" (")[0] for metric in run.metrics)) or ":gray[none]",
        "Not in its files": fmt.markdown(", ".join(run.missing)) or ":gray[nothing]",
    }


def _import(project: Project, preview: ImportPreview, set_name: str) -> None:
    from llmopt_core.labs.evaluation.import_results import import_runs

    outcome = import_runs(store(), project, preview.runs, set_name)
    _open()
    state().go_to_results = outcome.run_ids[-1]
    notify(_words(outcome))
    st.rerun()


def _words(outcome: ImportOutcome) -> str:
    if not outcome.added:
        return "These results were imported before; nothing was added."
    return f"{fmt.plural(len(outcome.added), 'run')} imported."
