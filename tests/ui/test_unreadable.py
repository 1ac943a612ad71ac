"""A damaged value in the database costs that value; its page stands and says so."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from streamlit.testing.v1 import AppTest

from llmopt_core.runs.store import Store
from llmopt_core.runs.tables import configurations, documents, evaluation_sets
from llmopt_core.runs.tables_labs import versions
from llmopt_core.runs.tables_runs import jobs, records, runs

App = Callable[..., AppTest]
PAGES = [
    ("pages/overview.py", {}),
    ("pages/documents.py", {}),
    ("pages/evaluation.py", {"evaluation_view": "Run"}),
    ("pages/evaluation.py", {"evaluation_view": "Results"}),
    ("pages/evaluation.py", {"evaluation_view": "Questions"}),
    ("pages/evaluation.py", {"evaluation_view": "Configurations"}),
    ("pages/prompt_lab.py", {}),
    ("pages/retrieval_lab.py", {}),
    ("pages/data_questions.py", {}),
    ("pages/finetuning_lab.py", {}),
    ("pages/settings.py", {}),
]


def damage(store: Store, value: bytes, *only: tuple[sa.Table, str]) -> None:
    """Spoil the newest row of each table."""
    with store.database.write() as connection:
        for table, column in only:
            newest = sa.select(sa.func.max(table.c.id)).scalar_subquery()
            connection.execute(sa.update(table).where(table.c.id == newest).values({column: value}))


@pytest.mark.parametrize(("page", "query"), PAGES)
def test_every_page_stands_with_one_damaged_value_of_each_kind(
    app: App, store: Store, used: str, page: str, query: dict[str, str]
) -> None:
    store.save_version(used, "prompt", "fine", {"system": "", "user": "{{ question }}"})
    store.save_version(used, "prompt", "spoilt", {"system": "", "user": "{{ question }}"})
    store.start_job("evaluation", used, {})
    damage(
        store, b"{", (documents, "body"), (configurations, "body"), (records, "body"), (records, "trace"),
        (runs, "configuration"), (runs, "options"), (versions, "body"), (jobs, "arguments"), (jobs, "progress"),
    )  # fmt: skip
    test = app(page, project=used, **query)
    assert not test.exception
    assert not any("should not have happened" in text.value for text in test.text)


def test_a_damaged_document_is_listed_shown_as_unreadable_and_counted(app: App, store: Store, used: str) -> None:
    name = store.document_list(used)[-1].name
    damage(store, b"x", (documents, "body"))
    with store.database.read() as connection:
        name = connection.scalar(sa.select(documents.c.name).where(documents.c.body == b"x"))
    test = app("pages/documents.py", project=used, document=name)
    assert not test.exception
    assert name in list(test.dataframe[0].value["Document"])
    assert any("could not be read" in warning.value for warning in test.warning)
    assert any(item.label == "1 stored value could not be read" for item in test.expander)
    assert any(text.value == f"Document {name} could not be read (damaged bytes)." for text in test.text)


def test_a_damaged_set_leaves_the_other_sets(app: App, store: Store, used: str) -> None:
    result = store.evaluation_sets(used)[0].name
    good = store.evaluation_set(used, result)
    store.save_evaluation_set(used, type(good)("spoilt", good.examples))
    damage(store, b"{", (evaluation_sets, "body"))
    test = app("pages/evaluation.py", project=used, evaluation_view="Questions", questions_set="spoilt")
    assert not test.exception
    assert any("spoilt could not be read" in text.value for text in test.text)
    test = app("pages/evaluation.py", project=used, evaluation_view="Questions", questions_set=result)
    assert not test.exception
    assert len(test.dataframe[0].value) == len(good.examples)


def test_an_odd_file_does_not_end_the_upload_of_the_others(app: App, store: Store) -> None:
    project = store.create_project("empty").name
    test = app("pages/documents.py", project=project)
    test.file_uploader[0].set_value(
        [("a.txt", b"Good one.", "text/plain"), ("b.jsonl", b'{"text": "x", "n": NaN}', "application/jsonl"),
         ("c.docx", b"PK\x03\x04broken", "application/zip"), ("d.txt", b"Good two.", "text/plain")]
    )  # fmt: skip
    next(button for button in test.button if button.label == "Add to project").click().run()
    assert not test.exception
    assert [item.name for item in store.document_list(project)] == ["a.txt", "d.txt"]
    assert any(text.value.startswith("b.jsonl line 1: NaN is no number") for text in test.text)
    assert any(text.value.startswith("c.docx is cut off or damaged") for text in test.text)
