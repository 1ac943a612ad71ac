import pytest

from llmopt_core.errors import BadInput
from llmopt_core.runs.store import Store
from llmopt_core.types import Document, EvaluationSet, Example, Span


def test_a_project_is_found_by_its_name(store: Store) -> None:
    made = store.create_project("handbook", "Questions about the handbook")
    assert store.project("handbook") == made
    assert [project.name for project in store.projects()] == ["handbook"]
    assert made.created_at.tzinfo is not None


@pytest.mark.parametrize("name", ["", "   ", "x" * 201, "two\nlines"])
def test_a_bad_project_name_is_refused(store: Store, name: str) -> None:
    with pytest.raises(BadInput, match="name has 1 to 200"):
        store.create_project(name)


def test_a_taken_name_is_refused_and_keeps_the_first(store: Store) -> None:
    store.create_project("handbook", "first")
    with pytest.raises(BadInput, match="named handbook already"):
        store.create_project("handbook", "second")
    assert store.project("handbook").description == "first"


def test_an_unknown_project_is_named_in_the_error(store: Store) -> None:
    with pytest.raises(BadInput, match="no project named nowhere"):
        store.documents("nowhere")


@pytest.mark.parametrize(
    "text", ["plain", "", "nul \0 inside", "e\u0301 \U0001f469\u200d\U0001f680 \u05d0\u05d1 \u6c49\u5b57"]
)
def test_documents_come_back_as_they_were(store: Store, text: str) -> None:
    store.create_project("p")
    document = Document(
        "a.txt", text, {"language": "en", "year": 2024, "public": True, "weight": 0.5}, (0, 3), ("a warning",)
    )
    store.save_documents("p", [document])
    assert store.documents("p") == [document]
    assert store.document("p", "a.txt") == document
    assert store.document_list("p")[0].characters == len(text)


def test_half_an_emoji_is_replaced_in_place(store: Store) -> None:
    store.create_project("p")
    store.save_documents("p", [Document("a.txt", "ab\ud83dcd")])
    assert store.document("p", "a.txt").text == "ab\ufffdcd"


def test_a_document_of_the_same_name_is_replaced_and_can_be_deleted(store: Store) -> None:
    store.create_project("p")
    store.save_documents("p", [Document("a.txt", "one"), Document("b.txt", "two")])
    store.save_documents("p", [Document("a.txt", "three")])
    assert [d.text for d in store.documents("p")] == ["three", "two"]
    store.delete_document("p", "a.txt")
    assert [d.name for d in store.documents("p")] == ["b.txt"]
    with pytest.raises(BadInput, match=r"no document named a\.txt"):
        store.document("p", "a.txt")


def test_evaluation_sets_keep_every_version(store: Store) -> None:
    store.create_project("p")
    first = EvaluationSet(
        "q", (Example("1", "What?", "this", (Span("a.txt", 0, 4),), "easy", {"level": 2, "tags": ["x"]}),)
    )
    second = EvaluationSet("q", (*first.examples, Example("2", "Why?")))
    store.save_evaluation_set("p", first)
    store.save_evaluation_set("p", second)
    assert store.evaluation_set("p", "q") == second
    assert store.evaluation_set("p", "q", first.version) == first
    assert [(s.name, s.size) for s in store.evaluation_sets("p")] == [("q", 2)]
    assert len(store.evaluation_sets("p", every_version=True)) == 2


def test_saving_an_old_version_again_makes_it_the_latest(store: Store) -> None:
    store.create_project("p")
    first, second = EvaluationSet("q", (Example("1", "a"),)), EvaluationSet("q", (Example("1", "b"),))
    for item in (first, second, first):
        store.save_evaluation_set("p", item)
    assert store.evaluation_set("p", "q") == first
    with pytest.raises(BadInput, match="named q in version 0000"):
        store.evaluation_set("p", "q", "0000")


def test_a_set_kept_for_a_run_is_found_by_its_version_and_not_listed(store: Store) -> None:
    store.create_project("p")
    first, second = EvaluationSet("q", (Example("1", "a"),)), EvaluationSet("q", (Example("1", "b"),))
    for item in (first, second):
        store.save_evaluation_set("p", item)
    store.keep_evaluation_set("p", first)
    assert store.evaluation_set("p", "q") == second
    third = EvaluationSet("q", (Example("1", "c"),))
    store.keep_evaluation_set("p", third)
    assert store.evaluation_set("p", "q") == second
    assert store.evaluation_set("p", "q", third.version) == third
    part = EvaluationSet("q, 1 chosen", (Example("1", "a"),))
    store.keep_evaluation_set("p", part)
    assert store.evaluation_set("p", part.name) == part
    assert [item.version for item in store.evaluation_sets("p")] == [second.version]
    store.save_evaluation_set("p", part)
    assert [item.name for item in store.evaluation_sets("p")] == [part.name, "q"]


def test_a_configuration_saved_again_with_other_contents_gets_the_next_version(store: Store) -> None:
    store.create_project("p")
    store.save_configuration("p", "rag", {"top_k": 3}, "f1")
    store.save_configuration("p", "rag", {"top_k": 3}, "f1")
    store.save_configuration("p", "baseline", {}, "f0")
    version = store.save_configuration("p", "rag", {"top_k": 5}, "f2")
    assert version.version == 2
    assert [(c.name, c.version, c.spec) for c in store.configurations("p")] == [
        ("rag", 2, {"top_k": 5}),
        ("baseline", 1, {}),
    ]


def test_a_deleted_configuration_leaves_the_list_and_comes_back_when_saved(store: Store) -> None:
    store.create_project("p")
    store.save_configuration("p", "rag", {"top_k": 3}, "f1")
    store.delete_configuration("p", "rag")
    assert store.configurations("p") == []
    store.save_configuration("p", "rag", {"top_k": 3}, "f1")
    assert [c.name for c in store.configurations("p")] == ["rag"]


def test_deleting_a_project_takes_its_things_along(store: Store) -> None:
    project = store.create_project("p")
    store.save_documents(project, [Document("a.txt", "one")])
    store.save_configuration(project, "rag", {}, "f")
    store.delete_project(project)
    store.create_project("p")
    assert store.documents("p") == []
    assert store.configurations("p") == []


def test_a_renamed_project_keeps_what_belongs_to_it(store: Store) -> None:
    store.create_project("old name")
    store.save_documents("old name", [Document("a.txt", "text")])
    assert store.rename_project("old name", " new name ").name == "new name"
    assert [item.name for item in store.documents("new name")] == ["a.txt"]
    with pytest.raises(BadInput, match="no project named old name"):
        store.project("old name")


@pytest.mark.parametrize("name", ["", "  ", "x" * 201, "a\nb", "taken"])
def test_a_project_is_not_renamed_to_a_bad_or_taken_name(store: Store, name: str) -> None:
    store.create_project("mine")
    store.create_project("taken")
    with pytest.raises(BadInput):
        store.rename_project("mine", name)
    assert [project.name for project in store.projects()] == ["mine", "taken"]
