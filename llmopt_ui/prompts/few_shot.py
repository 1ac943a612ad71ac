"""The Few-shot tab: a set of examples as a table, how they are chosen, and what a question gets of them."""

from __future__ import annotations

from functools import partial
from typing import Any

import streamlit as st

from llmopt_core.errors import LlmOptError
from llmopt_core.experiments.versions.prompts import FEW_SHOT, few_shot_from, newest_versions, save_few_shot
from llmopt_core.prompts.few_shot_files import write_few_shot
from llmopt_core.prompts.overlap import find_overlap
from llmopt_core.prompts.spec import FewShotSpec
from llmopt_core.runs.store_versions import Version
from llmopt_core.runs.values import Project
from llmopt_ui import format as fmt
from llmopt_ui.components import Download, downloads, plain_fragment, show_errors, side_by_side
from llmopt_ui.evaluation_sets import sets_of
from llmopt_ui.pickers import open_next, pick_name
from llmopt_ui.prompts.few_shot_selection import selection_view
from llmopt_ui.prompts.few_shot_sources import sources_view
from llmopt_ui.prompts.preview import latest_set
from llmopt_ui.prompts.state import prompt_state
from llmopt_ui.prompts.table import Row, edit_rows, rows_with_edits
from llmopt_ui.prompts.versions import versions_view
from llmopt_ui.resources import store
from llmopt_ui.session import notify, rerun_after_action, state

PICKER = "few_shot"
_NEW, _NONE = "New set", "No set"
_PARTS = ("Edit", "What each is worth", "Automatic choice")
SELECT = {
    "all": "All of them",
    "first": "The first k",
    "random": "k at random",
    "nearest": "The k nearest to the question",
    "diverse": "k near the question and unlike each other",
}
Body = dict[str, Any]
_STARTER: Body = {"examples": [], "select": "all", "k": 3, "seed": 0, "template": ""}


def few_shot_view(project: Project) -> None:
    """The whole tab."""
    versions = newest_versions(store(), project, FEW_SHOT)
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        name = pick_name(PICKER, [*versions, _NEW], "Few-shot set", width=340)
        version = versions.get(name)
        part = _PARTS[0] if version is None else st.segmented_control(
            "What to do", _PARTS, default=_PARTS[0], required=True, key="few_shot_part", bind="query-params",
            label_visibility="collapsed")  # fmt: skip
    if version is None or part == _PARTS[0]:
        _editor(project, version)
    elif part == _PARTS[1]:
        from llmopt_ui.prompts.few_shot_effect import few_shot_effect_view

        few_shot_effect_view(project, version)
    else:
        from llmopt_ui.prompts.few_shot_search import few_shot_search_view

        few_shot_search_view(project, version)


def add_examples(project: Project, name: str, examples: list[dict[str, str]], *, replace: bool = False) -> None:
    """Put examples into the set that is edited; a question that is there already is not added again."""
    body = body_from_form(project, name)
    before = [] if replace else body["examples"]
    questions = {example.get("question") for example in before}
    refill(project, name, {**body, "examples": [*before, *(e for e in examples if e.get("question") not in questions)]})


def refill(project: Project, name: str, body: Body) -> None:
    """Put another content into the fields and keep it as the draft."""
    store().save_draft(project, FEW_SHOT, name, body)
    prompt_state().fill(_form(project, name))


def body_from_form(project: Project, name: str) -> Body:
    """What stands in the fields; a field that is not drawn yet has what it is filled with."""
    slot = prompt_state().slot(_form(project, name))
    base = prompt_state().field_values[slot]
    fields = ("name", "note", *_STARTER)
    values = {field: st.session_state.get(f"shots_{field}_{slot}", base.get(field)) for field in fields}
    table = _table_key(slot, _columns(base))
    rows = rows_with_edits(table) if table in st.session_state and table in prompt_state().field_values else None
    examples = base["examples"] if rows is None else examples_from(rows)
    texts = {key: values[key] or "" for key in ("name", "template", "note")}
    return {**base, **values, **texts, "examples": examples}


def examples_from(rows: list[Row]) -> list[dict[str, str]]:
    """Typed rows without their empty cells; rows that are empty altogether are left out."""
    examples = [{name: str(value) for name, value in row.items() if value not in (None, "")} for row in rows]
    return [row for row in examples if row]


@plain_fragment
def _editor(project: Project, version: Version | None) -> None:
    rerun_after_action()
    name = version.name if version else ""
    body = _body_to_edit(project, version)
    left, right = side_by_side([11, 8], "few_shot")
    with left:
        body = _fields(project, name, body)
    spec = _spec(body)
    with right:
        left_out = _overlap(project, spec)
        selection_view(project, spec.model_copy(update={"examples": tuple(
            example for place, example in enumerate(spec.examples) if place not in left_out)}))  # fmt: skip
    if version is not None:
        is_draft = _has_changes(body, version)
        with show_errors():
            versions_view(project, store().versions(project, FEW_SHOT, name), _values(body) if is_draft else None,
                          partial(_discard, project, name))  # fmt: skip


def _body_to_edit(project: Project, version: Version | None) -> Body:
    name = version.name if version else ""
    slot = prompt_state().slot(_form(project, name))
    field_values = prompt_state().field_values
    if slot not in field_values or f"shots_name_{slot}" not in st.session_state:
        draft = store().draft(project, FEW_SHOT, name)
        field_values[slot] = {**_STARTER, **(version.body if version else {}), "name": name, **(draft or {})}
    return field_values[slot]


def _fields(project: Project, name: str, base: Body) -> Body:
    slot = prompt_state().slot(_form(project, name))
    on_change: dict[str, Any] = {"on_change": _keep, "args": (project, name)}
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        st.text_input("Name", base["name"], key=f"shots_name_{slot}", live=True, placeholder="worked-examples",
                      width=260, **on_change)  # fmt: skip
        sources_view(project, name, partial(add_examples, project, name))
    columns = _columns(base)
    config = {column: st.column_config.TextColumn(column.capitalize(), width="medium") for column in columns}
    edit_rows(_table_key(slot, columns), base["examples"] or [{}], config, **on_change)
    one, two, three = st.columns([4, 1, 1], gap="small")
    select = one.selectbox("Which of them a question gets", list(SELECT), list(SELECT).index(base["select"]),
                           key=f"shots_select_{slot}", format_func=SELECT.__getitem__, **on_change)  # fmt: skip
    two.number_input("k", 1, 100, max(1, base["k"]), key=f"shots_k_{slot}", disabled=select == "all", **on_change)
    three.number_input("Seed", 0, 10_000, base["seed"], key=f"shots_seed_{slot}", disabled=select != "random",
                       **on_change)  # fmt: skip
    st.text_input("How an example's question is written", base["template"], key=f"shots_template_{slot}", live=True,
                  placeholder="As the prompt's user message", help="Jinja2 over the columns of the table.",
                  **on_change)  # fmt: skip
    body = body_from_form(project, name)
    _save_row(project, name, body, slot)
    return body


def _save_row(project: Project, name: str, body: Body, slot: str) -> None:
    version = newest_versions(store(), project, FEW_SHOT).get(name)
    is_draft = _has_changes(body, version)
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        st.text_input("Note", prompt_state().field_values[slot].get("note", ""), key=f"shots_note_{slot}", live=True,
                      placeholder="What changed, and why", width=260, on_change=_keep,
                      args=(project, name))  # fmt: skip
        st.button("Save version", key="few_shot_save", type="primary", icon=":material/save:", disabled=not is_draft,
                  on_click=_save, args=(project, name))  # fmt: skip
        if is_draft and store().draft(project, FEW_SHOT, name) is not None:
            st.button("Discard changes", key="few_shot_discard", type="tertiary", icon=":material/undo:",
                      on_click=_discard, args=(project, name))  # fmt: skip
    if is_draft:
        st.caption("Not saved as a version yet. The draft is kept as you type, also when this tab is closed.")
    elif version is not None:
        st.caption(f"Saved as version {version.number}. Choose it for a prompt in the tab Editor.")
    _downloads(body)


def _downloads(body: Body) -> None:
    complete = [example for example in body["examples"] if "answer" in example]
    if not complete:
        return
    stem = fmt.file_stem(body["name"] or "few-shot")
    files = [
        Download("CSV", partial(write_few_shot, complete, "csv"), f"{stem}.csv", "text/csv"),
        Download("JSONL", partial(write_few_shot, complete, "jsonl"), f"{stem}.jsonl", "application/jsonl"),
    ]
    if all(example.get("question") for example in complete):
        files.append(
            Download("OpenAI chat JSONL", partial(write_few_shot, complete, "openai"), f"{stem}-chat.jsonl",
                     "application/jsonl")
        )  # fmt: skip
    downloads(files, "few_shot_download")


def _overlap(project: Project, spec: FewShotSpec) -> set[int]:
    """Name the examples that repeat a question of a set; gives the places of those that are left out."""
    sets = [item.name for item in sets_of(project)]
    set_name = st.selectbox("Checked against", [*sets, _NONE], key="shots_against", persist_state="session",
                          help="What stands in a prompt cannot be measured with: the model copies it.")  # fmt: skip
    if set_name == _NONE or not spec.examples:
        return set()
    questions = [example.question for example in latest_set(project, set_name).examples]
    matches = find_overlap(spec.examples, questions)
    if not matches:
        st.caption(f":material/check: No example stands in {fmt.markdown(set_name)}.")
        return set()
    count = fmt.plural(len(matches), "example")
    st.markdown(f":orange[:material/warning: {count} also in {fmt.markdown(set_name)}:] left out of comparisons on it.")
    for overlap in matches[:5]:
        st.caption(f"{overlap.kind}: {fmt.markdown(fmt.shorten(questions[overlap.question], 90))}")
    keep = st.toggle("Show what they would do all the same", False, key="shots_keep_overlap")
    return set() if keep else {overlap.example for overlap in matches}


def _spec(body: Body) -> FewShotSpec:
    """What stands in the table; rows without an answer are half-typed and wait."""
    complete = [example for example in body["examples"] if "answer" in example]
    return few_shot_from({**_values(body), "examples": complete})


def _values(body: Body) -> Body:
    return {key: body[key] for key in _STARTER}


def _has_changes(body: Body, version: Version | None) -> bool:
    before = {**_STARTER, **version.body, "name": version.name} if version else {**_STARTER, "name": ""}
    return any(body[key] != before[key] for key in ("name", *_STARTER))


def _columns(body: Body) -> list[str]:
    return list(dict.fromkeys(["question", "answer", *(key for example in body["examples"] for key in example)]))


def _table_key(slot: str, columns: list[str]) -> str:
    return f"shots_table_{'_'.join(columns)}_{slot}"


def _form(project: Project, name: str) -> str:
    return f"{FEW_SHOT}_{project.id}_{name}"


def _keep(project: Project, name: str) -> None:
    store().save_draft(project, FEW_SHOT, name, body_from_form(project, name))


def _discard(project: Project, name: str) -> None:
    store().delete_draft(project, FEW_SHOT, name)
    prompt_state().fill(_form(project, name))


def _save(project: Project, name: str) -> None:
    body = body_from_form(project, name)
    try:
        version = save_few_shot(store(), project, body["name"], few_shot_from(_values(body)), body["note"])
    except LlmOptError as error:
        state().problem = str(error)
        return
    for form in {name, version.name}:
        _discard(project, form)
    open_next(PICKER, version.name)
    notify(f"{version.name} saved as version {version.number}.")
