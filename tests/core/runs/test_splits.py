import pytest

from llmopt_core.errors import BadInput
from llmopt_core.runs.question_splits import assign_parts, make_plan, read_part
from llmopt_core.runs.store import Store
from llmopt_core.types import EvaluationSet, Example, Span
from llmopt_core.types.parts import CONFIRM, NEVER_SEEN, PARTS, SEARCH


def about(number: int, *documents: str, category: str | None = None, text: str = "") -> Example:
    spans = tuple(Span(name, 0, 5) for name in documents)
    return Example(f"q{number}", text or f"What does thing number {number} cost?", "x", spans, category)


def handbook(count: int = 40, documents: int = 20) -> EvaluationSet:
    """Questions of which each document has several, in two categories."""
    examples = [about(i, f"d{i % documents}.md", category=("when", "where")[i // documents % 2]) for i in range(count)]
    return EvaluationSet("handbook", tuple(examples))


def documents_by_part(questions: EvaluationSet, parts: dict[str, str]) -> dict[str, set[str]]:
    by_part: dict[str, set[str]] = {part: set() for part in PARTS}
    for example in questions.examples:
        by_part[parts[example.id]] |= {span.document for span in example.references}
    return by_part


def no_document_twice(questions: EvaluationSet, parts: dict[str, str]) -> bool:
    by_part = documents_by_part(questions, parts)
    return sum(map(len, by_part.values())) == len(set.union(*by_part.values()))


@pytest.mark.parametrize("seed", range(5))
def test_no_document_stands_on_both_sides(seed: int) -> None:
    questions = handbook()
    _, split = make_plan(questions, seed=seed)
    assert split.sizes == {SEARCH: 20, CONFIRM: 10, NEVER_SEEN: 10}
    assert no_document_twice(questions, dict(split.parts))


def test_the_seed_decides_and_the_same_seed_gives_the_same() -> None:
    questions = handbook()
    first, again, other = (make_plan(questions, seed=seed)[1].parts for seed in (3, 3, 4))
    assert first == again
    assert first != other


def test_documents_that_a_question_joins_stay_together() -> None:
    # a-b, b-c: all three are one group, though no question names a and c.
    chain = [about(1, "a", "b"), about(2, "b", "c"), about(3, "c")]
    questions = EvaluationSet("s", (*chain, *(about(i, f"d{i}") for i in range(10, 30))))
    _, split = make_plan(questions)
    assert len({split.parts[f"q{i}"] for i in (1, 2, 3)}) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("When was the harbour built?", "when was the HARBOUR built"),
        ("When was the old harbour built?", "When was the old stone harbour built?"),
        ("Kolik stojí lístek do muzea?", "Kolik do muzea stojí lístek?"),
        ("港口是什么时候建造的", "港口是什么时候建造的?"),
    ],
)
def test_nearly_the_same_question_stays_beside_itself(one: str, other: str) -> None:
    fillers = [about(i) for i in range(10, 40)]
    for seed in range(6):
        questions = EvaluationSet("s", (about(1, text=one), *fillers, about(2, text=other)))
        _, split = make_plan(questions, seed=seed)
        assert split.parts["q1"] == split.parts["q2"]


def test_questions_of_one_template_are_no_repeats() -> None:
    texts = [f"What is the capital of country{chr(97 + i)}?" for i in range(20)]
    questions = EvaluationSet("s", tuple(about(i, text=text) for i, text in enumerate(texts)))
    assert make_plan(questions)[1].sizes == {SEARCH: 10, CONFIRM: 5, NEVER_SEEN: 5}


def test_each_part_has_its_share_of_each_category() -> None:
    examples = [about(i, f"d{i}", category="rare" if i % 10 == 0 else "usual") for i in range(80)]
    questions = EvaluationSet("s", tuple(examples))
    _, split = make_plan(questions)
    rare = [split.parts[example.id] for example in examples if example.category == "rare"]
    assert [rare.count(part) for part in PARTS] == [4, 2, 2]


def test_one_large_group_is_not_split_and_says_so() -> None:
    questions = EvaluationSet("s", tuple(about(i, "manual.pdf") for i in range(12)))
    with pytest.raises(BadInput, match=r"All 12 questions of s hang together by the document manual\.pdf"):
        make_plan(questions)


def test_a_group_of_most_questions_is_named_with_what_the_parts_became() -> None:
    questions = EvaluationSet("s", (*(about(i, "manual.pdf") for i in range(12)), about(50, "a"), about(51, "b")))
    _, split = make_plan(questions)
    assert split.sizes == {SEARCH: 12, CONFIRM: 1, NEVER_SEEN: 1}
    assert split.notes == (
        "12 of 14 questions hang together by their documents and stay in one part, so the parts are 12 search, "
        "1 confirm, 1 never seen.",
    )


def test_a_split_without_sources_says_that_it_is_by_question() -> None:
    _, split = make_plan(EvaluationSet("s", tuple(about(i) for i in range(8))))
    assert "the split is by question" in split.notes[0]
    mixed = EvaluationSet("s", (*(about(i, f"d{i}") for i in range(8)), about(20)))
    assert make_plan(mixed)[1].notes == (
        "1 of 9 questions do not say where their answers stand; they are split by question.",
    )


@pytest.mark.parametrize("shares", [(50, 50), (50, 25, 24), (-10, 60, 50), (50, 25, 25, 0), (33.3, 33.3, 33.4)])
def test_shares_that_are_none_are_refused(shares: tuple[int, ...]) -> None:
    with pytest.raises(BadInput, match="three whole numbers that make 100"):
        make_plan(handbook(), shares)


def test_a_share_of_nothing_gives_no_questions() -> None:
    assert make_plan(handbook(), (60, 40, 0))[1].sizes == {SEARCH: 24, CONFIRM: 16, NEVER_SEEN: 0}


def test_a_question_keeps_its_part_when_others_come_and_go() -> None:
    questions = handbook()
    plan, split = make_plan(questions, seed=1)
    fewer = questions.examples[5:]
    added = tuple(about(100 + i, f"new{i}.md") for i in range(12))
    later = EvaluationSet("handbook", (*added, *fewer))
    after = assign_parts(later, plan)
    assert all(after.parts[example.id] == split.parts[example.id] for example in fewer)
    assert after.moved == ()
    # What was added keeps its part too when more is added.
    more = EvaluationSet("handbook", (about(200, "another.md"), *later.examples))
    assert all(assign_parts(more, plan).parts[one.id] == after.parts[one.id] for one in added)


def test_a_new_question_goes_where_its_document_stands_even_when_the_old_ones_are_gone() -> None:
    questions = handbook()
    plan, split = make_plan(questions)
    for number, document in enumerate(f"d{i}.md" for i in range(20)):
        question = about(500 + number, document)
        part = split.parts[f"q{number}"]
        assert assign_parts(EvaluationSet("handbook", (question,)), plan).parts == {question.id: part}


def test_a_question_that_joins_two_parts_moves_the_unseen_one() -> None:
    questions = handbook()
    plan, split = make_plan(questions)
    result = next(e for e in questions.examples if split.parts[e.id] == SEARCH)
    unseen = next(e for e in questions.examples if split.parts[e.id] == NEVER_SEEN)
    joining = about(900, result.references[0].document, unseen.references[0].document)
    later = EvaluationSet("handbook", (*questions.examples, joining))
    after = assign_parts(later, plan)
    assert (after.parts[result.id], after.parts[unseen.id], after.parts["q900"]) == (SEARCH, SEARCH, SEARCH)
    assert unseen.id in after.moved
    assert no_document_twice(later, dict(after.parts))


def test_parts_that_a_file_names_are_taken_and_the_rest_is_dealt_out() -> None:
    questions = handbook()
    target = {"q0": NEVER_SEEN, "q20": NEVER_SEEN, "q1": SEARCH}
    plan, split = make_plan(questions, wanted=target)
    assert [split.parts[name] for name in ("q0", "q20", "q1", "q21")] == [NEVER_SEEN, NEVER_SEEN, SEARCH, SEARCH]
    assert set(plan.questions) == {example.id for example in questions.examples}


@pytest.mark.parametrize(("word", "part"), [("never-seen", NEVER_SEEN), ("Never_Seen", NEVER_SEEN), (" all ", "all")])
def test_parts_are_read_as_people_write_them(word: str, part: str) -> None:
    assert read_part(word) == part


def test_another_word_is_refused() -> None:
    with pytest.raises(BadInput, match="'dev' is no part of a split"):
        read_part("dev")


# --- in the store


def saved(store: Store, questions: EvaluationSet | None = None) -> EvaluationSet:
    questions = questions or handbook()
    store.create_project("p")
    store.save_evaluation_set("p", questions)
    return questions


def test_a_part_is_read_by_its_name_like_a_set(store: Store) -> None:
    questions = saved(store)
    split = store.make_split("p", "handbook", seed=2)
    part = store.evaluation_set("p", "handbook, confirm")
    assert [example.id for example in part.examples] == [
        example.id for example in questions.examples if split.parts[example.id] == CONFIRM
    ]
    assert store.evaluation_set("p", "handbook, confirm", part.version) == part
    assert store.evaluation_set("p", "handbook") == questions


def test_parts_are_listed_where_they_are_asked_for(store: Store) -> None:
    saved(store)
    store.make_split("p", "handbook", (60, 40, 0))
    assert [(item.name, item.size) for item in store.evaluation_sets("p")] == [("handbook", 40)]
    listing = store.evaluation_sets("p", parts=True)
    assert [(item.name, item.size) for item in listing] == [
        ("handbook", 40), ("handbook, search", 24), ("handbook, confirm", 16),
    ]  # fmt: skip
    assert listing[1].version == store.evaluation_set("p", "handbook, search").version


def test_a_part_follows_the_newest_version_and_the_earlier_one_is_still_there_for_its_runs(store: Store) -> None:
    questions = saved(store)
    store.make_split("p", "handbook")
    before = store.evaluation_set("p", "handbook, search")
    store.keep_evaluation_set("p", before)
    kept = tuple(example for example in questions.examples if example.id != before.examples[0].id)
    store.save_evaluation_set("p", EvaluationSet("handbook", kept))
    assert store.evaluation_set("p", "handbook, search").examples == before.examples[1:]
    assert store.evaluation_set("p", "handbook, search", before.version) == before
    # A run may also have kept fewer questions under the same name.
    store.keep_evaluation_set("p", EvaluationSet("handbook, search", before.examples[:2]))
    assert store.evaluation_set("p", "handbook, search").examples == before.examples[1:]


def test_a_split_is_removed_and_goes_with_its_set(store: Store) -> None:
    questions = saved(store)
    store.make_split("p", "handbook")
    store.remove_split("p", "handbook")
    assert store.split("p", "handbook") is None
    with pytest.raises(BadInput, match="no evaluation set named handbook, search"):
        store.evaluation_set("p", "handbook, search")
    store.make_split("p", "handbook")
    store.delete_evaluation_set("p", "handbook")
    store.save_evaluation_set("p", questions)
    assert store.split_plan("p", "handbook") is None


def test_a_set_and_a_part_never_have_one_name(store: Store) -> None:
    questions = saved(store)
    store.save_evaluation_set("p", EvaluationSet("handbook, confirm", questions.examples))
    with pytest.raises(BadInput, match="a set named handbook, confirm already"):
        store.make_split("p", "handbook")
    store.delete_evaluation_set("p", "handbook, confirm")
    store.make_split("p", "handbook")
    with pytest.raises(BadInput, match="is a part of the split of handbook"):
        store.save_evaluation_set("p", EvaluationSet("handbook, confirm", questions.examples))


def test_a_split_travels_with_its_project(store: Store) -> None:
    saved(store)
    split = store.make_split("p", "handbook", seed=7)
    store.load_project("copy", "", list(store.dump_project("p")))
    copied = store.split("copy", "handbook")
    assert copied is not None
    assert copied.parts == split.parts


def test_a_set_is_not_deleted_while_one_of_its_parts_is_asked(store: Store) -> None:
    saved(store)
    store.make_split("p", "handbook")
    part = store.evaluation_set("p", "handbook, confirm")
    store.keep_evaluation_set("p", part)
    names = {"evaluation_set": part.name, "set_version": part.version}
    run = store.start_run("p", {"name": "c"}, "f" * 16, judge="", metrics=("m",), total=3, **names)
    with pytest.raises(BadInput, match="handbook is in use by run"):
        store.delete_evaluation_set("p", "handbook")
    store.finish_run(run, "finished")
    store.delete_evaluation_set("p", "handbook")
    # What the run has asked stays readable.
    assert store.evaluation_set("p", part.name, part.version) == part
