from concurrent.futures import ThreadPoolExecutor

from llmopt_core.runs.store import Store
from llmopt_core.runs.store_judge_labels import JudgeLabel


def _label(subject: str, person: str, choice: str = "pass", criterion: str = "faithfulness") -> JudgeLabel:
    return JudgeLabel(subject, criterion, person, choice, "q1", "When?", "1712")  # type: ignore[arg-type]


def test_a_person_has_one_label_per_answer_and_criterion(store: Store) -> None:
    store.create_project("demo")
    store.create_project("other")
    store.save_judge_label("demo", _label("a", "ann"))
    store.save_judge_label("demo", _label("a", "bob"))
    store.save_judge_label("demo", _label("a", "ann", criterion="answer_relevancy"))
    store.save_judge_label("demo", _label("a", "ann", "fail"))
    labels = store.judge_labels("demo", "faithfulness")
    assert [(one.person, one.choice) for one in labels] == [("bob", "pass"), ("ann", "fail")]
    assert (labels[0].question, labels[0].answer, labels[0].example_id) == ("When?", "1712", "q1")
    assert len(store.judge_labels("demo")) == 3
    assert store.judge_labels("other") == []


def test_a_label_is_taken_back_for_its_person_alone(store: Store) -> None:
    store.create_project("demo")
    for person in ("ann", "bob"):
        store.save_judge_label("demo", _label("a", person))
    store.delete_judge_label("demo", "a", "faithfulness", "ann")
    assert [one.person for one in store.judge_labels("demo")] == ["bob"]


def test_people_who_label_at_once_lose_nothing(store: Store) -> None:
    store.create_project("demo")
    labels = [_label(f"s{number % 10}", f"person {number // 10}") for number in range(60)]
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(lambda label: store.save_judge_label("demo", label), labels))
    assert len(store.judge_labels("demo")) == 60


def test_labels_travel_with_their_project_and_go_with_it(store: Store) -> None:
    store.create_project("demo")
    store.save_judge_label("demo", _label("a", "ann \ud800 <b>", "unsure"))
    rows = list(store.dump_project("demo"))
    assert [row["choice"] for table, row in rows if table == "judge_labels"] == ["unsure"]
    store.delete_project("demo")
    store.create_project("demo")
    assert store.judge_labels("demo") == []
