"""The sample database with its questions, brought into a project."""

from __future__ import annotations

from dataclasses import replace

from llmopt_core.documents.questions import read_questions
from llmopt_core.errors import BadInput
from llmopt_core.installation import sample_folder
from llmopt_core.labs.data_questions.sources import SavedSource, save_source, save_upload
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import Project
from llmopt_core.settings import Settings

SOURCE = "Sample shop"
QUESTIONS, SOLVED = "Shop questions", "Shop solved queries"
_FILES = {QUESTIONS: "questions.jsonl", SOLVED: "solved.jsonl"}
_DATABASE = "department_store.sqlite"


def install_sample_shop(store: Store, settings: Settings, project: Project) -> SavedSource:
    """Save the sample database as a data source, its questions and its solved queries as two evaluation sets.

    Raises:
        BadInput: The sample is not installed beside the program.
    """
    folder = sample_folder() / "data"
    try:
        content = (folder / _DATABASE).read_bytes()
        sets = {name: read_questions(folder / file).evaluation_set for name, file in _FILES.items()}
    except OSError as error:
        raise BadInput(f"The sample database is not installed ({error.strerror}): {folder / _DATABASE}.") from error
    # A copy, which stays where it is when the program is updated.
    path = save_upload(settings, project, _DATABASE, content)
    for name, one in sets.items():
        store.save_evaluation_set(project, replace(one, name=name))
    return save_source(store, project, SOURCE, str(path))
