"""The Side by side tab of the prompt lab."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from llmopt_core.errors import EndpointError
from llmopt_core.experiments.comparison import comparisons
from llmopt_core.experiments.comparison_setup import Setup, VariantSetup
from llmopt_core.labs.prompts.grid import load_grid
from llmopt_core.labs.prompts.row_notes import RowNote, row_notes
from llmopt_core.models.base import ChatRequest
from llmopt_core.runs.store import Store

App = Callable[..., AppTest]
PAGE = "pages/prompt_lab.py"


def words(test: AppTest) -> str:
    parts = [*test.title, *test.subheader, *test.caption, *test.markdown, *test.text]
    return "\n".join(str(part.value) for part in parts)


def html(test: AppTest) -> str:
    return "\n".join(str(block.proto.body) for block in test.get("html"))


def keyed(widgets, start: str):
    matches = [widget for widget in widgets if widget.key and widget.key.startswith(start)]
    assert matches, f"no widget {start}"
    return matches[0]


def reply(request: ChatRequest) -> str:
    text = "\n".join(message.content for message in request.messages)
    if "harbour" in text and "wrong" in text:
        return "<b>It</b> was 1813."
    return "It was 1712." if "harbour" in text else "The first snow."


@pytest.fixture
def prompts(store: Store, used: str) -> str:
    store.save_version(used, "prompt", "plain", {"template": "Question: {{ question }}"})
    store.save_version(used, "prompt", "wrong", {"template": "Be wrong. Question: {{ question }}"})
    return used


@pytest.fixture
def compared(app: App, prompts: str, script: Callable[..., object]) -> AppTest:
    """Two prompts compared on the first ten examples."""
    script(reply)
    test = app(PAGE, project=prompts, prompts_view="Side by side")
    test.button(key="comparison_start").click().run()
    assert not test.exception
    return test


@pytest.mark.parametrize(("tab", "name"), [("Side by side", "comparison"), ("Blind vote", "vote_on")])
def test_a_link_to_a_comparison_that_is_gone_says_so(
    app: App, compared: AppTest, store: Store, prompts: str, tab: str, name: str
) -> None:
    gone = "The comparison that this link names is not in this project."
    (there,) = [one.id for one in comparisons(store, prompts)]
    cells = {
        target: [warning.value for warning in app(PAGE, project=prompts, prompts_view=tab, **{name: target}).warning]
        for target in ("deadbeef", there)
    }
    assert cells["deadbeef"].count(gone) == 1
    assert gone not in cells[there]


def test_without_prompts_it_says_what_to_do(app: App, used: str) -> None:
    test = app(PAGE, project=used, prompts_view="Side by side")
    assert not test.exception
    assert "No saved prompts yet" in words(test)


def test_the_setup_names_variants_and_tells_what_it_takes(app: App, prompts: str) -> None:
    test = app(PAGE, project=prompts, prompts_view="Side by side")
    assert not test.exception
    assert "20 answers" in words(test)
    assert "free" in words(test)
    test.button(key=keyed(test.button, "variant_add_").key).click().run()
    assert not test.exception
    assert "30 answers" in words(test)


def test_the_label_of_a_comparison_names_all_its_variants_and_its_rows(
    app: App, prompts: str, store: Store, script: Callable[..., object]
) -> None:
    script(reply)
    long = "a prompt whose name goes on and on, as names of prompts do"
    store.save_version(prompts, "prompt", long, {"template": "{{ question }}"})
    setup = Setup(variants=tuple(VariantSetup(prompt=name) for name in (long, "plain", "wrong")), set_name="questions")
    store.save_draft(prompts, "comparison", "", setup.model_dump(mode="json"))
    test = app(PAGE, project=prompts, prompts_view="Side by side")
    test.button(key="comparison_start").click().run()
    assert not test.exception
    label = test.selectbox(key="comparison_choice").options[1].partition(" · ")[2]
    assert label == "a prompt… against plain against wrong on questions, first 10"


def test_a_comparison_runs_and_is_stored_as_runs(compared: AppTest, store: Store, prompts: str) -> None:
    (found,) = comparisons(store, prompts)
    assert found.status == "finished"
    assert found.title == "plain against wrong on questions, first 10"
    assert compared.selectbox(key="comparison_choice").value == found.id
    assert "It was 1712." in html(compared)
    assert {run.options.get("comparison") for run in store.runs(prompts)} == {found.id, None}


def test_differences_are_marked_and_answers_are_never_html(compared: AppTest) -> None:
    assert "<ins>" not in html(compared)
    assert "&lt;b&gt;It&lt;/b&gt; was 1813." in html(compared)
    compared.toggle(key="marked").set_value(True).run()
    page_html = html(compared)
    assert "<ins>" in page_html
    assert "&lt;<" in page_html or "&lt;b" in page_html
    assert "<b>It" not in page_html


def test_every_row_names_its_variants(compared: AppTest) -> None:
    rows = [block.proto.body for block in compared.get("html") if '<div class="llmopt-cells' in block.proto.body]
    assert len(rows) == 10
    assert all(">plain</b>" in row and ">wrong</b>" in row for row in rows)


def test_empty_answers_and_checks_are_said_in_each_cell(
    app: App, prompts: str, script: Callable[..., object], store: Store
) -> None:
    script(lambda request: "It was 1712." if "(3)" in request.messages[-1].content else "  ")
    checks = ({"type": "contains", "value": "1712"},)
    setup = Setup(variants=(VariantSetup(prompt="plain"),), set_name="questions", count=4, check_rows=checks)
    store.save_draft(prompts, "comparison", "", setup.model_dump(mode="json"))
    test = app(PAGE, project=prompts, prompts_view="Side by side")
    test.button(key="comparison_start").click().run()
    page_html = html(test)
    assert page_html.count("(empty)") == 3
    assert page_html.count('llmopt-verdict no">✗ Failed<') == 3
    assert page_html.count('llmopt-verdict yes">✓ Passed<') == 1
    assert "Failures (3)" in [option.content for option in test.button_group(key="show_choice").proto.options]


def test_details_tell_the_answer_and_the_checks_in_words(
    app: App, prompts: str, script: Callable[..., object], store: Store
) -> None:
    script(reply)
    checks = ({"type": "length", "value": "1-9 words"},)
    setup = Setup(variants=(VariantSetup(prompt="plain"),), set_name="questions", count=1, check_rows=checks)
    store.save_draft(prompts, "comparison", "", setup.model_dump(mode="json"))
    test = app(PAGE, project=prompts, prompts_view="Side by side")
    test.button(key="comparison_start").click().run()
    keyed(test.button, "row_details_").click().run()
    assert not test.exception
    assert "It was 1712." in [text.value for text in test.text]
    assert "at least 1 and at most 9 words" in words(test)
    assert "Assertions passed" in words(test)


def test_filters_stand_in_the_address(app: App, compared: AppTest, prompts: str, store: Store) -> None:
    everything = html(compared).count("llmopt-answer")
    compared.button_group(key="show_choice").set_value("different").run()
    assert not compared.exception
    assert 0 < html(compared).count("llmopt-answer") < everything
    (found,) = comparisons(store, prompts)
    other = app(PAGE, project=prompts, prompts_view="Side by side", comparison=found.id, show="different")
    assert html(other).count("llmopt-answer") == html(compared).count("llmopt-answer")


def test_a_failed_cell_says_why_and_is_asked_again_alone(
    app: App, prompts: str, script: Callable[..., object], store: Store
) -> None:
    def failing(request: ChatRequest) -> str:
        if "(3)" in request.messages[-1].content and "wrong" in request.messages[-1].content:
            raise EndpointError("The endpoint builtin fell over.", "server-error")
        return reply(request)

    script(failing)
    test = app(PAGE, project=prompts, prompts_view="Side by side")
    test.button(key="comparison_start").click().run()
    assert "The endpoint builtin fell over." in html(test)
    assert "1 answer missing or failed." in words(test)
    chat = script(reply)
    keyed(test.button, "cell_again_").click().run()
    assert not test.exception
    assert "fell over" not in html(test)
    assert len(chat.requests) == 1  # type: ignore[attr-defined]
    (found,) = comparisons(store, prompts)
    assert found.status == "finished"
    assert sum(run.failed for run in found.all_runs) == 0


def test_a_comparison_that_its_budget_stopped_asks_for_a_new_one(
    app: App, prompts: str, script: Callable[..., object], store: Store
) -> None:
    def failing(request: ChatRequest) -> str:
        if "(3)" in request.messages[-1].content:
            raise EndpointError("The endpoint builtin fell over.", "server-error")
        return reply(request)

    script(failing)
    variants = (VariantSetup(prompt="plain"),)
    setup = Setup(variants=variants, set_name="questions", count=4, budget_usd=0.0005)
    store.save_draft(prompts, "comparison", "", setup.model_dump(mode="json"))
    test = app(PAGE, project=prompts, prompts_view="Side by side")
    test.button(key="comparison_start").click().run()
    (found,) = comparisons(store, prompts)
    for run in found.all_runs:
        store.finish_run(run.id, "budget-reached", error="The budget of $0.0005 leaves no room.")
    chat = script(reply)
    test = app(PAGE, project=prompts, prompts_view="Side by side", comparison=found.id)
    assert "$0 of $0.0005 are spent." in words(test).replace("\\", "")
    keyed(test.button, "grid_missing_").click().run()
    assert "it takes a larger budget" in words(test)
    assert not chat.requests  # type: ignore[attr-defined]
    keyed(test.number_input, "comparison_budget_").set_value(0.01).run()
    keyed(test.button, "cell_again_").click().run()
    assert not test.exception
    (found,) = comparisons(store, prompts)
    assert (found.status, found.budget_usd) == ("finished", 0.01)
    assert len(chat.requests) == 1  # type: ignore[attr-defined]


def test_a_failed_repeat_says_why_and_is_asked_again_alone(
    app: App, prompts: str, script: Callable[..., object]
) -> None:
    def failing(request: ChatRequest) -> str:
        if "(3)" in request.messages[-1].content and "wrong" in request.messages[-1].content and request.repeat:
            raise EndpointError("The endpoint builtin fell over.", "server-error")
        return reply(request)

    script(failing)
    test = app(PAGE, project=prompts, prompts_view="Side by side")
    keyed(test.number_input, "rows_repeats_").set_value(2).run()
    test.button(key="comparison_start").click().run()
    assert "1 of 2 repeats · 1 failed: The endpoint builtin fell over." in html(test)
    assert "2 of 2 repeats · 100% say the same" in html(test)
    chat = script(reply)
    keyed(test.button, "cell_again_").click().run()
    assert not test.exception
    assert "fell over" not in html(test)
    assert len(chat.requests) == 1  # type: ignore[attr-defined]


def test_the_setup_of_a_comparison_can_be_opened_again(compared: AppTest) -> None:
    compared.button(key="comparison_reuse").click().run()
    assert not compared.exception
    assert compared.selectbox(key="comparison_choice").value == "new"
    assert "20 answers" in words(compared)


def test_a_comparison_can_be_deleted(compared: AppTest, store: Store, prompts: str) -> None:
    compared.button(key="comparison_delete").click().run()
    assert not compared.exception
    assert comparisons(store, prompts) == []


def test_a_problem_of_the_setup_is_one_sentence(app: App, store: Store, prompts: str) -> None:
    store.save_version(prompts, "prompt", "wrong", {"template": "{{ colour }}"})
    test = app(PAGE, project=prompts, prompts_view="Side by side")
    if [button for button in test.button if button.key == "comparison_start"]:
        test.button(key="comparison_start").click().run()
    assert not test.exception
    assert "colour" in words(test)


def test_evaluation_sees_a_comparison(app: App, compared: AppTest, prompts: str) -> None:
    test = app("pages/evaluation.py", project=prompts, evaluation_view="Results")
    assert not test.exception


def test_the_name_of_a_variant_follows_the_choice_at_once(app: App, prompts: str) -> None:
    test = app(PAGE, project=prompts, prompts_view="Side by side")
    keyed(test.number_input, "edit_temperature_variant_1").set_value(0.7).run()
    labels = [block.proto.popover.label.replace("\\", "") for block in test.get("popover")]
    assert "built-in model, temperature 0.7" in labels
    keyed(test.selectbox, "variant_prompt_1").set_value("plain").run()
    names = [part.value for part in test.markdown if part.value.startswith(":color[●]")]
    assert len(names) == 2
    assert not any("wrong" in name for name in names)


def test_a_thumb_and_a_comment_on_a_row_are_kept(app: App, compared: AppTest, prompts: str, store: Store) -> None:
    (found,) = comparisons(store, prompts)
    keyed(compared.feedback, "row_thumb_").set_value(1).run()
    keyed(compared.text_input, "row_comment_").set_value("Well said").run()
    assert not compared.exception
    assert list(row_notes(store, found).values()) == [RowNote("up", "Well said")]
    other = app(PAGE, project=prompts, prompts_view="Side by side", comparison=found.id)
    assert keyed(other.text_input, "row_comment_").value == "Well said"
    assert keyed(other.feedback, "row_thumb_").value == 1


def test_a_thumb_down_makes_a_row_a_failure_and_is_kept(
    app: App, compared: AppTest, prompts: str, store: Store
) -> None:
    (found,) = comparisons(store, prompts)

    def failures(test: AppTest) -> int:
        (rows,) = [box for box in test.get("button_group") if box.key == "show_choice"]
        return next(int(re.findall(r"\d+", option)[0]) for option in rows.options if "Failures" in option)

    before = failures(compared)
    grid = load_grid(store, found, store.evaluation_set(prompts, found.set_name, found.set_version).examples)
    row = next(number for number in range(10) if number not in grid.filter_rows("failures"))
    thumb = f"row_thumb_{found.id}_{grid.examples[row].id}"
    keyed(compared.feedback, thumb).set_value(0).run()
    assert failures(compared) == before + 1
    other = app(PAGE, project=prompts, prompts_view="Side by side", comparison=found.id, show="failures")
    assert keyed(other.feedback, thumb).value == 0
    assert failures(other) == before + 1
    keyed(other.feedback, thumb).set_value(1).run()
    assert failures(other) == before
