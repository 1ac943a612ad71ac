"""The data sources of a project."""

import pytest

from llmopt_core.errors import BadInput
from llmopt_core.labs.data_questions.sources import remove_source, save_source, save_upload, saved_sources
from llmopt_core.runs.store import Store
from llmopt_core.settings import Settings


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path)


@pytest.fixture
def store(settings):
    with_project = Store.open(settings)
    with_project.ensure_project("p")
    yield with_project
    with_project.close()


def test_each_edit_is_a_version_and_the_newest_counts(store):
    save_source(store, "p", "shop", "shop.sqlite")
    save_source(store, "p", "sales", "sales.csv")
    save_source(store, "p", "shop", "shop.sqlite", {"singer.age": "in years", "singer": ""})
    shop, sales = saved_sources(store, "p")
    assert (shop.number, shop.descriptions) == (2, {"singer.age": "in years"})
    assert (sales.name, sales.number) == ("sales", 1)
    remove_source(store, "p", "sales")
    assert [one.name for one in saved_sources(store, "p")] == ["shop"]


@pytest.mark.parametrize(
    ("name", "source", "message"),
    [
        ("", "shop.sqlite", "needs a name"),
        ("shop", "", "Name a data source"),
        ("shop", "postgresql://ann:secret@host/db", "holds a password"),
    ],
)
def test_wrong_input_is_refused_without_its_secret(store, name, source, message):
    with pytest.raises(BadInput, match=message) as problem:
        save_source(store, "p", name, source)
    assert "secret" not in str(problem.value)
    assert saved_sources(store, "p") == []


@pytest.mark.parametrize("name", ["sales.csv", "../../etc/sales.csv", "a/b\\c:d*.csv", "销售.csv"])
def test_an_upload_stays_in_its_folder(store, settings, name):
    path = save_upload(settings, store.project("p"), name, b"a,b\n1,2\n")
    assert path.read_bytes() == b"a,b\n1,2\n"
    assert path.parent == settings.home / "data_sources" / str(store.project("p").id)


def test_an_upload_of_another_kind_is_refused(store, settings):
    with pytest.raises(BadInput, match=r"notes\.txt cannot be asked"):
        save_upload(settings, store.project("p"), "notes.txt", b"x")
