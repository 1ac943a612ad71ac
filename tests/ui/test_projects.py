"""Choosing, adding and renaming projects in the sidebar."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from llmopt_core.experiments.project_file import export_project
from llmopt_core.jobs.context import JobContext
from llmopt_core.jobs.kind import JobKind
from llmopt_core.runs.store import Store
from llmopt_core.types import Spec
from llmopt_ui import resources

App = Callable[..., AppTest]


def texts(test: AppTest) -> list[str]:
    return [text.value for text in test.text]


def press(test: AppTest, label: str) -> AppTest:
    return next(button for button in test.button if button.label == label).click().run()


def test_the_address_chooses_the_project(app: App, used: str) -> None:
    test = app(project=used)
    assert test.selectbox(key="project").value == used
    test.selectbox(key="project").select("sample").run()
    assert {metric.label: metric.value for metric in test.metric}["Questions"] == "48"


def test_an_unknown_project_in_the_address_falls_back_to_the_first(app: App) -> None:
    test = app(project="never *made*")
    assert not test.exception
    assert test.selectbox(key="project").value == "sample"


def test_a_link_to_a_project_that_is_gone_says_so_until_it_is_put_away(app: App, store: Store, used: str) -> None:
    test = app(project="never *made*")
    (messages,) = [warning.value for warning in test.warning]
    assert "no project never \\*made\\* in this workspace" in messages
    assert messages.replace("\\", "").endswith("What you see is the project sample.")
    test.run()
    assert test.warning, "another click does not hide it"
    test.button(key="missing_project").click().run()
    assert not test.warning
    choice = app(project="never made")
    choice.selectbox(key="project").select(used).run()
    assert not choice.warning
    text = app(project=used)
    store.rename_project(used, "renamed")
    assert not text.run().warning, "who sees it being renamed is told by the name"


def test_the_project_stays_when_the_page_changes(app: App, used: str) -> None:
    test = app(project=used)
    test.switch_page("pages/documents.py").run()
    test.switch_page("pages/settings.py").run()
    assert test.selectbox(key="project").value == used


def test_a_new_project_is_opened(app: App, store: Store) -> None:
    test = app()
    test.button(key="project_new").click().run()
    test.text_input(key="project_new_name").input("Support answers")
    press(test, "Create project")
    assert not test.exception
    assert test.selectbox(key="project").value == "Support answers"
    assert [project.name for project in store.projects()] == ["sample", "Support answers"]


def test_a_taken_name_is_refused_in_words(app: App, store: Store) -> None:
    test = app()
    test.button(key="project_new").click().run()
    test.text_input(key="project_new_name").input("sample")
    press(test, "Create project")
    assert any("There is a project named sample already" in text for text in texts(test))
    assert len(store.projects()) == 1


def test_a_project_is_renamed_and_keeps_its_runs(app: App, store: Store, used: str) -> None:
    test = app(project=used)
    test.button(key="project_rename").click().run()
    test.text_input(key="project_renamed").input("lighthouse")
    press(test, "Rename project")
    assert test.selectbox(key="project").value == "lighthouse"
    assert len(store.runs("lighthouse")) == 3


def opened(test: AppTest) -> AppTest:
    return test.button(key="project_more").click().run()


def test_a_project_is_copied_and_the_copy_opened(app: App, store: Store, used: str) -> None:
    test = opened(app(project=used))
    test.text_input(key="project_copy_name").input("twin")
    press(test, "Copy project")
    assert not test.exception
    assert test.selectbox(key="project").value == "twin"
    assert len(store.runs("twin")) == len(store.runs(used)) > 0


def test_deleting_asks_for_confirmation(app: App, store: Store, used: str) -> None:
    test = press(opened(app(project=used)), "Delete for good")
    assert "Tick the box first." in [caption.value for caption in test.caption]
    assert used in [project.name for project in store.projects()]
    test.checkbox(key="project_confirm").check()
    press(test, "Delete for good")
    assert not test.exception
    assert [project.name for project in store.projects()] == ["sample"]
    assert test.selectbox(key="project").value == "sample"


def test_a_project_in_use_is_not_deleted_and_it_is_said(app: App, store: Store, used: str) -> None:
    job_id = store.start_job("evaluation", used, {})
    test = opened(app(project=used))
    test.checkbox(key="project_confirm").check()
    press(test, "Delete for good")
    assert any(f"is in use by job {job_id} (evaluation)" in text for text in texts(test))
    assert used in [project.name for project in store.projects()]


def test_a_project_file_is_imported(app: App, store: Store, used: str) -> None:
    file = io.BytesIO()
    export_project(store, used, file)
    test = opened(app())
    test.file_uploader(key="project_file").upload("project.zip", file.getvalue(), "application/zip")
    press(test, "Import project")
    assert not test.exception
    assert test.selectbox(key="project").value == f"{used} (2)"
    assert len(store.runs(f"{used} (2)")) == len(store.runs(used))


def test_a_foreign_zip_is_refused_in_words(app: App, store: Store) -> None:
    test = opened(app())
    test.file_uploader(key="project_file").upload("x.zip", b"PK no", "application/zip")
    press(test, "Import project")
    assert any("is no project file" in text for text in texts(test))
    assert test.checkbox(key="project_confirm"), "the rest of the dialog is still there"
    assert len(store.projects()) == 1


def test_a_workspace_without_projects_says_what_to_do(app: App, store: Store) -> None:
    test = app()
    store.delete_project("sample")
    test.run()
    test.run()
    assert not test.exception
    assert any("No project" in markdown.value for markdown in test.markdown)


class Names(Spec):
    """What a job is asked that only waits."""

    configurations: tuple[str, ...]


def test_the_sidebar_shows_the_work_of_its_own_project(
    app: App, store: Store, used: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = threading.Event()

    def work(_: JobContext, __: Names) -> dict[str, object]:
        ended.wait(60)
        return {}

    runner = resources.job_runner()
    monkeypatch.setitem(runner._kinds._kinds, "evaluation", JobKind("evaluation", Names, work, "Evaluating"))
    job = runner.submit("evaluation", used, Names(configurations=("rag",)))
    try:
        own, other = app(project=used).sidebar, app(project="sample").sidebar
        (bar,) = own.get("progress")
        assert str(bar.proto.text).startswith("**Evaluating rag**")
        assert not [caption for caption in own.caption if "other projects" in str(caption.value)]
        assert not other.get("progress")
        assert [caption for caption in other.caption if "1 job of other projects" in str(caption.value)]
    finally:
        ended.set()
        resources.job_runner().wait(job, 60)
    assert not app(project="sample").sidebar.get("progress")
