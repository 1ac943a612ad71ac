"""Every parameter of every page's address with values that no link of the app has: the page goes on without them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from streamlit.runtime.state.query_params import QueryParams
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from llmopt_core.runs.store import Store
from llmopt_core.types import Answer, Document, EvaluationSet, Example, Record, Score
from llmopt_ui.navigation import PAGES

App = Callable[..., AppTest]
ROOT = Path(__file__).parents[2]
MARK = "Zanzibar clove ledger"
"""What stands in every text of the other project and nowhere else."""

PARAMETERS = {
    "project", "open", "open_run", "guest",
    "documents_tab", "document", "documents_view", "chunk_method", "chunk_unit", "chunk_size", "chunk_overlap",
    "micro_document", "micro_set", "micro_by", "micro_second", "micro_method_a", "micro_unit_a", "micro_size_a_tokens",
    "micro_size_a_cl100k", "micro_size_a_characters", "micro_overlap_a", "micro_method_b", "micro_unit_b",
    "micro_size_b_tokens", "micro_size_b_cl100k", "micro_size_b_characters", "micro_overlap_b",
    "sweep", "sweep_metric", "sweep_top", "sweep_first", "sweep_second", "sweep_missed_by", "spans_set", "spans_way",
    "prompts_view", "prompt", "few_shot", "few_shot_part", "comparison", "show", "page", "marked", "vote_on",
    "few-shot-worth-result", "few-shot-choice-result", "instruction-search-result",
    "retrieval_view", "retrieval_part", "left", "right", "left_with", "right_with", "left_texts", "right_texts",
    "asked_set", "asked", "own_question", "measured_k", "ablation_answers", "measured_set_whole",
    "measured_set_ablation", "measured_set_sweep", "measured_set_set",
    "evaluation_view", "set", "judge", "compared", "baseline", "example", "record_of", "metric", "order", "runs",
    "record_part", "questions_set", "questions_show", "edited", "margin", "pair_metric", "a", "b", "by", "criterion",
    "picture", "picture_by", "picture_form", "records_of", "records_by", "records_band", "records_category",
    "data_view", "data_source", "data_question", "data_set",
    "tuning_view", "tuning_saved", "checks_set", "square_tuned", "settings_view",
}  # fmt: skip

TABS: dict[str, tuple[str, ...]] = {
    "pages/overview.py": ("",),
    "pages/documents.py": ("Files", "Microscope", "Sweep", "Questions"),
    "pages/prompt_lab.py": ("Editor", "Few-shot", "Side by side", "Blind vote", "Instruction search"),
    "pages/retrieval_lab.py": ("One question", "Whole set", "Leave one out", "More chunks"),
    "pages/data_questions.py": ("Ask", "Schema", "Ladder", "Golds"),
    "pages/evaluation.py": (
        "Results",
        "Pictures",
        "Records",
        "Head to head",
        "Failures",
        "Judge",
        "Run",
        "Configurations",
        "Questions",
    ),
    "pages/finetuning_lab.py": ("Training data", "Lint", "Jobs", "Embedding model", "2 × 2", "Next to label"),
    "pages/settings.py": ("Endpoints", "Built-in models", "Judge", "Workspace"),
}
VALUES = {
    "unknown": "<script>alert(1)</script> no such thing",
    "empty": "",
    "long": "9" * 5000,
    "json": '{"search": {"method": ["x"]}, "a": [1, null]}',
    "other": "secrets.md",
}
DOUBLED = ["first of two", "second of two"]
WRONG: tuple[str | list[str], ...] = (*VALUES.values(), DOUBLED)


@pytest.fixture
def asked_for(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The parameters that the app reads or binds from now on."""
    result: set[str] = set()
    bind, read = QueryParams.bind_widget, QueryParams.__getitem__

    def binding(self: QueryParams, param_key: str, *args: object, **more: object) -> None:
        result.add(param_key)
        bind(self, param_key, *args, **more)  # type: ignore[arg-type]

    def reading(self: QueryParams, key: str) -> str:
        result.add(key)
        return read(self, key)

    monkeypatch.setattr(QueryParams, "bind_widget", binding)
    monkeypatch.setattr(QueryParams, "__getitem__", reading)
    return result


@pytest.fixture
def two(used: str, store: Store, script: Callable[..., object]) -> str:
    """A used project beside another one whose things have names that a link may hold."""
    script(lambda _: "An answer.")
    store.ensure_project("secret")
    store.save_documents("secret", [Document("secrets.md", f"{MARK}, first page.")])
    questions = EvaluationSet("secrets.md", (Example("secrets.md", f"Where is the {MARK}?", MARK),))
    version = store.save_evaluation_set("secret", questions)
    store.save_version("secret", "prompt", "secrets.md", {"template": f"{MARK} {{{{ question }}}}"})
    body = {"name": "secrets.md", "prompt": {"system": MARK, "template": "{{ question }}"}}
    store.save_configuration("secret", "secrets.md", body, "key")
    run = store.start_run("secret", body, "key", evaluation_set=version.name, set_version=version.version,
                          judge="builtin", metrics=("answer_f1",), total=1)  # fmt: skip
    scores = {"answer_f1": Score("answer_f1", 1.0)}
    store.save_records(run, [(0, Record(questions.examples[0], Answer(MARK), scores=scores))])
    store.finish_run(run, "finished")
    return used


@pytest.fixture
def link() -> App:
    """Open a page by its address, as a browser does: nothing else is drawn before it."""

    def start(page: str, /, **values: str | Sequence[str]) -> AppTest:
        test = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
        # The public way to a page draws the default page first.
        test._page_hash = calc_hash(next(spec.url_path for spec in PAGES if spec.file == page))
        for name, value in values.items():
            test.query_params[name] = value  # type: ignore[assignment]
        return test.run()

    return start


def mixed(turn: int) -> dict[str, str | Sequence[str]]:
    """A wrong value for every parameter, other ones beside each other; after as many turns as values each had all."""
    names = sorted(PARAMETERS - {"project", "open"})
    return {name: WRONG[(place + turn) % len(WRONG)] for place, name in enumerate(names)}


def contents(test: AppTest) -> str:
    """All that the page sends to the browser, as text."""
    return "\n".join(str(getattr(node, "proto", "")) for part in (test.main, test.sidebar) for node in part)


def _goes_on(test: AppTest, what: object = "") -> None:
    text = contents(test)
    assert not test.exception, (what, test.exception)
    assert "This should not have happened" not in text, what
    assert MARK not in text, what
    assert test.title, (what, "the page has its heading")


@pytest.mark.parametrize("page", TABS)
def test_a_page_goes_on_whatever_its_address_holds(link: App, two: str, asked_for: set[str], page: str) -> None:
    tabs = next(spec.tabs for spec in PAGES if spec.file == page)
    had_all: set[str] = set()
    for tab in TABS[page]:
        named = {tabs: tab} if tab else {}
        read: set[str] = set()
        for turn in range(len(WRONG)):
            # A tab that reads nothing but what the tabs before it read with every wrong value is drawn once.
            if turn and read <= had_all:
                break
            asked_for.clear()
            _goes_on(link(page, **{**mixed(turn), "project": two, **named}), (tab, turn))
            assert "project" in asked_for
            assert asked_for <= PARAMETERS, "a parameter of the address that no test gives wrong values"
            read |= asked_for
        had_all |= read


def test_a_wrong_project_is_told_or_ignored(link: App, two: str) -> None:
    for value in VALUES.values():
        test = link("pages/evaluation.py", project=value, evaluation_view="Results")
        assert not test.exception, value
        messages = [warning.value for warning in test.warning if "There is no project" in warning.value]
        assert bool(messages) == bool(value), value


def test_a_tab_that_is_not_there_opens_the_page(link: App, two: str) -> None:
    for page in TABS:
        for tab in ("<script>alert(1)</script> no such tab", "9" * 5000):
            _goes_on(link(page, project=two, open=tab), (page, tab))


def test_the_run_of_another_project_is_not_opened(link: App, two: str, store: Store) -> None:
    (foreign,) = store.runs("secret")
    _goes_on(link("pages/evaluation.py", project=two, open_run=str(foreign.id)))
    test = link("pages/evaluation.py", project=two, evaluation_view="Results", runs=str(foreign.id))
    _goes_on(test)
    assert any("The runs that this link names are not in this project." in one.value for one in test.warning)


def test_settings_by_hand_that_nobody_can_have_are_left_out(link: App, two: str) -> None:
    for value in (
        "[1]",
        '"x"',
        "7",
        json.dumps({"top_k": "many", "rerank": {"method": "none such"}}),
        '{"top_k": 1e999}',
    ):
        _goes_on(link("pages/retrieval_lab.py", project=two, left_with=value, right_with=value, left_texts=value))
