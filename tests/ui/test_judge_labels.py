"""The tab Judge: answers are labelled, the judge is measured by the labels, and its pass rates are corrected."""

from __future__ import annotations

from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from llmopt_core.runs.store import Store
from llmopt_core.runs.store_judge_labels import JudgeLabel

App = Callable[..., AppTest]


def judge_tab(app: App, project: str, **address: str) -> AppTest:
    test = app("pages/evaluation.py", project=project, evaluation_view="Judge", criterion="context_recall", a="rag",
               b="rag-rerank", **address)  # fmt: skip
    assert not test.exception
    return test


def texts(test: AppTest) -> str:
    return " ".join(str(one.value) for one in [*test.markdown, *test.caption, *test.text, *test.warning])


def start(app: App, project: str, person: str = "ann") -> AppTest:
    test = judge_tab(app, project)
    test.text_input(key="judge_person").set_value(f" {person} ").run()
    assert not test.exception
    return test


def test_answers_are_labelled_one_after_the_other_and_a_label_is_taken_back(app: App, store: Store, used: str) -> None:
    test = start(app, used)
    assert "Labelling as ann" in texts(test)
    for choice in ("pass", "fail", "unsure"):
        test.button(key=f"judge_{choice}").click().run()
        assert not test.exception
    labels = store.judge_labels(used, "context_recall")
    assert [(one.person, one.choice) for one in labels] == [("ann", "pass"), ("ann", "fail"), ("ann", "unsure")]
    assert len({one.subject for one in labels}) == 3
    assert all(one.question and one.answer for one in labels)
    test.button(key="judge_back").click().run()
    assert [one.choice for one in store.judge_labels(used)] == ["pass", "fail"]


def test_whoever_labels_sees_neither_the_name_nor_the_verdict(app: App, used: str) -> None:
    test = start(app, used)
    card = " ".join(str(one.value) for one in [*test.text, *test.markdown])
    assert "It was " in card
    assert "rag-rerank" not in card.replace("rag-rerank less", "")


def test_the_agreement_and_the_corrected_rates_show_and_count_the_labels(app: App, store: Store, used: str) -> None:
    test = start(app, used)
    assert "Nothing is labelled yet" in texts(test)
    while any(one.key == "judge_pass" for one in test.button) and len(store.judge_labels(used)) < 12:
        test.button(key="judge_pass" if len(store.judge_labels(used)) % 3 else "judge_fail").click().run()
    assert not test.exception
    metrics = {one.label: one.value for one in test.metric}
    assert set(metrics) >= {"TPR", "TNR", "Kappa", "AUC", "Labels"}
    assert metrics["Labels"] == "12"
    (table,) = [one.value for one in test.table if "Corrected" in one.value.columns]
    titles = [cell.replace("\\", "") for cell in table[""]]
    assert titles == ["Pass rate of rag", "Pass rate of rag-rerank", "rag-rerank less rag"]
    assert all(" of " in cell for cell in table["Labelled"])
    assert "judge v4" in texts(test)


def test_labels_of_others_count_and_are_kept_apart(app: App, store: Store, used: str) -> None:
    test = start(app, used)
    test.button(key="judge_pass").click().run()
    label = store.judge_labels(used)[0]
    test.button(key="judge_other").click().run()
    test.text_input(key="judge_person").set_value("bob").run()
    store.save_judge_label(used, JudgeLabel(label.subject, label.criterion, "bob", "pass"))
    test.run()
    assert "People agree on 1 of 1 answers" in texts(test)


def test_a_project_without_judged_answers_says_what_to_do(app: App, store: Store) -> None:
    store.create_project("new")
    test = app("pages/evaluation.py", project="new", evaluation_view="Judge")
    assert not test.exception
    assert "No judged answers yet" in texts(test)


def test_a_criterion_that_one_of_them_has_no_grade_of_is_not_offered(app: App, used: str) -> None:
    test = app("pages/evaluation.py", project=used, evaluation_view="Judge", a="baseline", b="rag")
    assert not test.exception
    assert test.selectbox(key="criterion_choice").options == ["Answer relevancy"]


def test_the_threshold_is_shown_and_moves_the_verdicts(app: App, used: str) -> None:
    test = start(app, used)
    assert "passes from 0.5 on" in texts(test)
    test.number_input(key="judge_passes_from").set_value(0.8).run()
    assert not test.exception
    assert "passes from 0.8 on" in texts(test)
