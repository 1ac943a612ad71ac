"""The Instruction search tab: rewrites of a prompt's instruction, and whether one of them truly wins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import cast

import streamlit as st
from pydantic import ValidationError

from llmopt_core.errors import BadInput
from llmopt_core.experiments.search.results import Candidate, InstructionResult, Part
from llmopt_core.experiments.search.task import INSTRUCTION, split_task
from llmopt_core.experiments.versions.prompts import PROMPT, load_prompt, newest_versions, save_prompt
from llmopt_core.labs.prompts.estimate import Rewriting
from llmopt_core.labs.prompts.instruction_search import USUAL_PROPOSER, instruction_answers
from llmopt_core.labs.prompts.proposer import text_of, usual_part
from llmopt_core.labs.prompts.search_setup import task_from
from llmopt_core.models.base import BUILTIN, ModelSpec
from llmopt_core.runs.values import Project
from llmopt_core.text.word_diff import word_diff
from llmopt_ui import format as fmt
from llmopt_ui.chart_view import show_chart
from llmopt_ui.components import empty_state, section, show_errors
from llmopt_ui.forms.configuration import model_fields, sentence_of
from llmopt_ui.pickers import open_next
from llmopt_ui.prompts.html_blocks import diff_html, text_html
from llmopt_ui.prompts.search_charts import TrialPoint, path_chart
from llmopt_ui.prompts.search_form import can_search, describe_cost, search_form, start_button
from llmopt_ui.prompts.search_parts import (
    choose_search,
    result_download,
    score_title,
    show_cost,
    show_end_note,
    show_verification,
    start_search,
)
from llmopt_ui.resources import store
from llmopt_ui.session import notify, report_problem
from llmopt_ui.theme import verdict

_PARTS = {"system": "System message", "template": "User message"}
_QUESTIONS = 32
"""A search asks every question many times; so many are enough to tell good rewrites from bad ones."""
_SUBJECT = "instructions"


def instruction_view(project: Project) -> None:
    """The whole tab."""
    if not can_search(project):
        return
    section("Instruction search")
    st.caption("A language model rewrites the instruction from answers that went wrong. Each "
            "rewrite is scored on a training part of the questions; the best is kept only if it wins on the part held "
            "back.")  # fmt: skip
    result, running = choose_search(project, INSTRUCTION, _SUBJECT, InstructionResult)
    if result is not None:
        _result(project, result)
    elif not running:
        empty_state("Nothing searched yet", "Choose a prompt, a writer and questions below, and press Search.",
                    ":material/edit_note:")  # fmt: skip
    title = "Search" if result is None else "Search again"
    with st.expander(title, expanded=result is None and not running, key="instruction_form"), show_errors():
        _form(project)


def _form(project: Project) -> None:
    setup = search_form(project, "instruction", questions=_QUESTIONS, held_back=True, examples=False)
    prompt = load_prompt(store(), project, setup.variant.prompt)
    one, two, three = st.columns([3, 1, 1], gap="small", vertical_alignment="bottom")
    part = one.segmented_control("What is rewritten", list(_PARTS), default=usual_part(prompt), required=True,
                                 key=f"instruction_part_{setup.variant.prompt}",
                                 format_func=_PARTS.__getitem__)  # fmt: skip
    rewrites = two.number_input("Rewrites", 1, 20, 4, key="instruction_rewrites", persist_state="session")
    rounds = three.number_input("Rounds", 1, 5, 1, key="instruction_rounds", persist_state="session",
                                help="Each further round starts from the best so far.")  # fmt: skip
    writer = _writer()
    part_name = cast("Part", part or "system")
    text = text_of(prompt, part_name).strip()
    st.caption(f"Now: {fmt.markdown(fmt.shorten(text, 300))}" if text else "There is none yet; one will be written.")
    if writer.endpoint == BUILTIN:
        st.caption(":material/info: The built-in model is a weak writer: the search runs from end to end with it, but "
                   "it rarely wins. Choose a stronger model as the writer for a real search; the model that answers "
                   "can stay as it is.")  # fmt: skip
    options: dict[str, object] = {
        "part": part_name,
        "proposer": writer,
        "rewrites": int(rewrites),
        "rounds": int(rounds),
    }

    def ready() -> tuple[Callable[[], None], str]:
        task = task_from(store(), project, setup)
        training, validation = split_task(task)
        # Reckoned from the true parts, as the questions need not divide exactly.
        answers = instruction_answers(int(rewrites), int(rounds), len(training), len(validation))
        beside = f" and {fmt.plural(int(rewrites * rounds), 'call')} of the writer"
        start = partial(start_search, project, INSTRUCTION, _SUBJECT, task, options, setup)
        rewriting = Rewriting(writer, int(rewrites * rounds), text)
        return start, describe_cost(INSTRUCTION, task, options, answers, beside, rewriting)

    start_button("instruction_start", "Search", ready)


def _writer() -> ModelSpec:
    # The popover is named before its fields are drawn, so their last value is read from the session.
    endpoint = st.session_state.get("edit_endpoint_writer") or BUILTIN
    writer = "the built-in model" if endpoint == BUILTIN else fmt.markdown(str(endpoint))
    with st.popover(f"Written by: {writer}", icon=":material/tune:"):
        values = model_fields(USUAL_PROPOSER, "writer")
    try:
        return ModelSpec.model_validate(values)
    except ValidationError as error:
        raise BadInput(sentence_of(error)) from None


def _result(project: Project, result: InstructionResult) -> None:
    show_end_note(result.ended, result.problem, result.left_out)
    st.markdown(f"**{fmt.markdown(result.source)}** on {fmt.markdown(result.set_name)}: {_describe(result)}")
    if result.verification is not None:
        show_verification(result.verification, result.metric, "instruction_verified")
    if result.better_text is not None:
        st.button("Save as a new version of the prompt", key="instruction_save", type="primary", icon=":material/save:",
                  on_click=_save, args=(project, result))  # fmt: skip
    st.markdown("**The whole search**")
    trials = _path_rows(result)
    # The start alone is no path.
    if len(trials) > 1:
        figure = path_chart(trials, score_title(result.metric), result.training)
        show_chart(figure, "instruction_path", "Scores of the instructions, round by round")
    _candidate_texts(result)
    show_cost(result.usage, result.seconds)
    st.caption(f"Rewrites by {fmt.markdown(result.proposer)}.")
    result_download(result, f"{result.source}-instructions", "instruction_download")


def _describe(result: InstructionResult) -> str:
    count = sum(candidate.complete for candidate in result.candidates)
    # Told apart: nothing was tried, nothing did better, or the best one was not tested or did not win.
    if result.best is None and not count:
        return f"{_skip_reason(result.candidates)} The prompt stays as it is."
    if result.best is None:
        return f"no rewrite did better on the training part ({count} tried). The prompt stays as it is."
    if result.verification is None:
        return (
            f"rewrite {result.best + 1} did best on the training part, but was not tested: the prompt stays as it is."
        )
    if result.better_text is None:
        return f"rewrite {result.best + 1} did best on the training part, but did not win on questions held back. " \
            "The prompt stays as it is."  # fmt: skip
    return f"rewrite {result.best + 1} wins on questions that the search never saw."


def _skip_reason(candidates: Sequence[Candidate]) -> str:
    """Why no rewrite was tried on the whole training part."""
    counts = Counter(candidate.refused for candidate in candidates if candidate.refused)
    if not counts:
        return "no rewrite was tried to the end."
    # The most frequent first, each without its stop, since more follows.
    reasons = "; ".join(f"{why.rstrip('.')} ({times})" for why, times in counts.most_common())
    whole = f"all {len(candidates)} were" if counts.total() == len(candidates) else f"{counts.total()} were"
    return f"no rewrite was tried, because {whole} refused: {fmt.markdown(reasons)}."


def _path_rows(result: InstructionResult) -> list[TrialPoint]:
    rows = [TrialPoint("as it is", result.original or "(none)", result.baseline, "start")]
    for number, candidate in enumerate(result.candidates):
        if candidate.summary is not None:
            role = "best" if number == result.best else "other"
            rows.append(TrialPoint(f"rewrite {number + 1}", candidate.text, candidate.summary,
                              role if candidate.complete else "partial"))  # fmt: skip
    return rows


def _candidate_texts(result: InstructionResult) -> None:
    with st.container(border=True):
        st.markdown(f"**As it is** · {_mean(result.baseline.mean, result.baseline.low, result.baseline.high)}")
        st.html(text_html(result.original or "(none)"))
    for number, candidate in enumerate(result.candidates):
        with st.container(border=True):
            mark = " · chosen" if number == result.best else ""
            st.markdown(f"**Rewrite {number + 1}**{mark} · {_candidate_note(candidate)}")
            if candidate.text:
                st.html(diff_html(word_diff(result.original, candidate.text)))


def _candidate_note(candidate: Candidate) -> str:
    if candidate.refused:
        return f":orange[not tried:] {fmt.markdown(candidate.refused)}"
    if candidate.summary is None or candidate.comparison is None:
        return ":gray[not tried: the search was stopped]"
    mean = _mean(candidate.summary.mean, candidate.summary.low, candidate.summary.high)
    cut = "" if candidate.complete else " :gray[cut short]"
    score = (
        f":gray[{candidate.summary.scored} of {candidate.summary.total} scored]" if candidate.summary.missing else ""
    )
    return f"{mean} {verdict(candidate.comparison.verdict).markdown} {score}{cut}"


def _mean(mean: float | None, low: float | None, high: float | None) -> str:
    between = f" :gray[({fmt.interval(low, high)})]" if low is not None else ""
    return f"{fmt.score(mean)}{between} :gray[on the training part]"


def _save(project: Project, result: InstructionResult) -> None:
    # The button is drawn only with both; a stale click may come without.
    if result.better_prompt is None or result.verification is None:
        return
    versions = newest_versions(store(), project, PROMPT)
    # A source may be `name@3`; a new version belongs to the name.
    name = result.source if result.source in versions else result.source.rpartition("@")[0]
    gain = fmt.with_sign(result.verification.comparison.difference)
    note = (f"Instruction search: {gain} {score_title(result.metric)} on "
            f"{fmt.plural(result.verification.questions, 'held-back question')}")  # fmt: skip
    with report_problem():
        version = save_prompt(store(), project, name, result.better_prompt, note)
        open_next("prompt", version.name)
        notify(f"{version.name} saved as version {version.number}; it is open in the tab Editor.")
