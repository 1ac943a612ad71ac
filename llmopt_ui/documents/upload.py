"""The form that takes files, and what became of each."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import streamlit as st

from llmopt_core.documents.guard import no_heartbeat
from llmopt_core.errors import LlmOptError
from llmopt_core.labs.documents.document_changes import DocumentChanges, put_documents
from llmopt_core.reporting.progress_summary import ProgressSummary
from llmopt_core.runs.values import Project
from llmopt_ui import format as fmt
from llmopt_ui.progress import ProgressCard
from llmopt_ui.resources import settings, store
from llmopt_ui.session import notify, state

UPLOAD = "documents_upload"
UPLOAD_FORM = "documents_upload_form"
DOCUMENT = "document"
KEEP = "documents_keep_duplicates"
ENCODING = "documents_encoding"
MAIN_ONLY = "documents_main_only"
UPLOAD_CANCEL = "documents_upload_cancel"
# Each drawing is sent to the browser: more often would slow reading down, less often look like standing still.
_DRAW_SECONDS = 0.3


@dataclass(frozen=True)
class UploadResult:
    """What came of an upload.

    Attributes:
        changes: What was added, replaced, left out as a duplicate, and what became of reference spans.
        problems: One sentence for each file that could not be read.
        warnings: What was read with losses, such as pages without text.
    """

    changes: DocumentChanges = field(default_factory=DocumentChanges)
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Documents that were stored."""
        return self.changes.additions + self.changes.replacements


def add_files(
    project: Project,
    files: Sequence[tuple[str, bytes]],
    *,
    keep_duplicates: bool = False,
    encoding: str = "",
    main_only: bool = False,
    on_part: Callable[[int, str, int, int, str], None] | None = None,
    heartbeat: Callable[[], None] = no_heartbeat,
) -> UploadResult:
    """Read and store uploaded files; one that can't be read does not stop the others.

    Args:
        project: Where they go.
        files: Names and contents.
        keep_duplicates: Whether a text that is there under another name is added again.
        encoding: Of the files that are text; empty to find it out for each.
        main_only: Whether of web pages only the main text is read.
        on_part: Told how far a file is: its position and name, then parts read, their total, and what a part is.
        heartbeat: Called some times a second; what it raises ends the reading.
    """
    from llmopt_core.documents.load import load_bytes
    from llmopt_core.documents.progress import ignore_parts

    changes = DocumentChanges()
    problems: list[str] = []
    warnings: list[str] = []
    for position, (name, data) in enumerate(files):
        tell = partial(on_part, position, name) if on_part is not None else ignore_parts
        # Before the first part, which in a large file comes late: the name of the file is seen at once.
        tell(0, 1, "file")
        try:
            documents = load_bytes(name, data, tell, heartbeat, encoding=encoding, main_only=main_only)
            changes += put_documents(store(), settings(), project, documents, keep_duplicates=keep_duplicates)
        # Only what is meant for users: a fault of the program is not to be taken for a bad file.
        except LlmOptError as error:
            problems.append(str(error))
            continue
        warnings += [_with_subject(item.name, warning) for item in documents for warning in item.warnings]
    return UploadResult(changes, tuple(problems), tuple(warnings))


def _with_subject(name: str, warning: str) -> str:
    """A warning with what it is about: its document, or the archive that it names itself."""
    from llmopt_core.documents.text import OMISSION_PREFIX

    return warning if warning.startswith(OMISSION_PREFIX) else f"{name}: {warning}"


def upload_form(project: Project) -> None:
    """The form that adds files."""
    from llmopt_core.documents.labels import COMMON
    from llmopt_core.documents.readers import SUFFIXES

    current = state()
    with st.form(UPLOAD_FORM, border=False):
        files = st.file_uploader(
            "Files",
            # Sorted for the list that people read below the field; the set itself has no order.
            type=sorted(suffix.lstrip(".") for suffix in SUFFIXES),
            accept_multiple_files=True,
            key=f"{UPLOAD}_{current.uploads}",
            help="Text is extracted on this machine. A zip gives every file in it. A file of a known name replaces "
            "the one that is there; the sources of your questions follow their words to the new place.",
        )
        keep = st.checkbox(
            "Add files whose text is there already under another name",
            key=KEEP,
            help="Two copies of a text take two places among the chunks that are handed over.",
        )
        main_only = st.checkbox(
            "Of web pages only the main text",
            key=MAIN_ONLY,
            help="Menus, headers, footers and cookie banners are left out as far as a page marks them; a warning says "
            "how much that was.",
        )
        encoding = st.selectbox(
            "Encoding of text files",
            COMMON,
            index=None,
            key=ENCODING,
            placeholder="Found out for each file",
            accept_new_options=True,
            help="Choose or type one where letters of a text, CSV, HTML or JSONL file came out wrong.",
        )
        submit = st.form_submit_button("Add to project", type="primary", icon=":material/upload:")
    if submit and files:
        add = partial(add_files, keep_duplicates=keep, encoding=encoding or "", main_only=main_only)
        current.upload_result = _add_with_progress(add, project, [(file.name, file.getvalue()) for file in files])
        current.uploads += 1
        if current.upload_result.names:
            # Opens what was just added, not the document that was open before.
            st.query_params[DOCUMENT] = current.upload_result.names[0]
            notify(f"{fmt.plural(len(current.upload_result.names), 'document')} added.")
        st.rerun()
    if submit and not files:
        st.caption("Choose one or more files first.")


def _add_with_progress(
    add: Callable[..., UploadResult], project: Project, files: Sequence[tuple[str, bytes]]
) -> UploadResult:
    whole = files[0][0] if len(files) == 1 else fmt.plural(len(files), "file")
    # The button asks for the page anew, which ends this script when it next shows something.
    card = ProgressCard(f"Adding {whole}", UPLOAD_CANCEL, _notify_stop, note="Files that were added already stay.")
    start = last = time.monotonic()
    words, now = "Reading", ProgressSummary(0, len(files), "files")

    def show(position: int, name: str, count: int, total: int, what: str) -> None:
        nonlocal words, now
        parts = total > 1
        words = f"Reading {name}" + f": {count:,} of {fmt.plural(total, what)}" * (parts and len(files) > 1)
        # Files count alike, whatever their size: the time of the others is not known before.
        share = (position + count / total) / len(files)
        left = (time.monotonic() - start) / share * (1 - share) if share else None
        now = (
            ProgressSummary(count, total, f"{what}s", left)
            # One file alone is followed by its parts, several by files.
            if parts and len(files) == 1
            else ProgressSummary(position, len(files), "files", left)
        )
        # The first moment of each file is drawn at once, so that every name is seen.
        still_here(at_once=not count)

    def still_here(*, at_once: bool = False) -> None:
        nonlocal last
        if at_once or time.monotonic() - last > _DRAW_SECONDS:
            last = time.monotonic()
            card.show(words, now)

    return add(project, files, on_part=show, heartbeat=still_here)


def _notify_stop() -> None:
    notify("Stopped. Files that were added before stay.")


def upload_outcome() -> None:
    """What is worth knowing about the last upload, until it is put away."""
    result = state().upload_result
    if not isinstance(result, UploadResult):
        return
    notes = outcome_notes(result)
    if not (result.problems or result.warnings or notes):
        return
    with st.container(border=True, gap="small"):
        if result.problems:
            came = f"; {fmt.plural(len(result.names), 'document')} added" * bool(result.names)
            st.markdown(f":red[:material/error:] **{fmt.plural(len(result.problems), 'file')} not added{came}**")
        for line in (*result.problems, *notes, *result.warnings):
            st.text(line, width="stretch")
        if st.button("Put away", key="documents_put_away", type="tertiary"):
            state().upload_result = None
            st.rerun()


def outcome_notes(result: UploadResult) -> list[str]:
    """Duplicates, replacements and what hung on them, a sentence each."""
    changes = result.changes
    notes = [f"{name} has the same text as {twin} and was not added." for name, twin in changes.duplicates]
    notes += [f"{name} was there already with the same text." for name in changes.unchanged]
    if changes.replacements:
        notes.append(f"Replaced: {', '.join(changes.replacements)}.")
    if changes.moved:
        notes.append(f"{fmt.plural(changes.moved, 'source')} moved to where the same words stand now.")
    notes += [
        f"Question {one.example_id} of {one.set_name} lost a source, {one.reason}: {fmt.shorten(one.question)}"
        for one in changes.dangling
    ]
    notes += [
        f"Question {one.example_id} of {one.set_name}: look whether its source is still right, {one.reason}: "
        f"{fmt.shorten(one.question)}"
        for one in changes.unsure
    ]
    return notes
