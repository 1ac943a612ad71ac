"""The Few-shot tab: a set of examples as a table, how they are chosen, and what a question gets of them."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

import streamlit as st

from llmopt_core.experiments.versions.prompts import FEW_SHOT, few_shot_from, newest_versions, save_few_shot
from llmopt_core.prompts.few_shot_files import write_few_shot
from llmopt_core.prompts.overlap import find_overlap
from llmopt_core.prompts.spec import FewShotSpec
from llmopt_core.runs.store_versions import Version
from llmopt_core.runs.values import Project
from llmopt_ui import format as fmt
from llmopt_ui.components import File, downloads, plain_fragment, show_errors, side_by_side
from llmopt_ui.evaluation_sets import newest_set, set_choices
from llmopt_ui.pickers import pick_name
from llmopt_ui.prompts.draft import Body, Draft, save_row
from llmopt_ui.prompts.few_shot_selection import selection_view
from llmopt_ui.prompts.few_shot_sources import sources_view
from llmopt_ui.prompts.state import prompt_state
from llmopt_ui.prompts.table import Row, edit_rows, rows_with_edits
from llmopt_ui.prompts.versions import versions_view
from llmopt_ui.resources import store
from llmopt_ui.session import rerun_after_action

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
        # Read where it is opened: searches bring much that an editor does not need.
        from llmopt_ui.prompts.few_shot_effect import few_shot_effect_view

        few_shot_effect_view(project, version)
    else:
        from llmopt_ui.prompts.few_shot_search import few_shot_search_view

        few_shot_search_view(project, version)


class FewShotDraft(Draft):
    """A few-shot set that is edited."""

    kind, keys, picker = FEW_SHOT, "shots", PICKER
    starter: ClassVar[Body] = {"examples": [], "select": "all", "k": 3, "seed": 0, "template": ""}

    def body_from_form(self) -> Body:
        """What stands in the fields, with the rows of the table as they are edited."""
        slot = self.slot
        base = prompt_state().field_values[slot]
        fields = ("name", "note", *self.starter)
        values = {field: st.session_state.get(f"shots_{field}_{slot}", base.get(field)) for field in fields}
        table = _table_key(slot, _columns(base))
        # The table is not drawn yet at the first look, or has other columns since.
        rows = rows_with_edits(table) if table in st.session_state and table in prompt_state().field_values else None
        examples = base["examples"] if rows is None else examples_from(rows)
        texts = {key: values[key] or "" for key in ("name", "template", "note")}
        return {**base, **values, **texts, "examples": examples}

    def version_of(self, body: Body) -> Version:
        """Save what stands in the fields."""
        return save_few_shot(store(), self.project, body["name"], few_shot_from(self.values(body)), body["note"])

    def add(self, examples: list[dict[str, str]], *, replace: bool = False) -> None:
        """Put further examples below those in the table; what is there already is not repeated."""
        body = self.body_from_form()
        before = [] if replace else body["examples"]
        # By question: two answers to one would teach the model that either is as good.
        questions = {example.get("question") for example in before}
        self.refill({**body, "examples": [*before, *(e for e in examples if e.get("question") not in questions)]})


def examples_from(rows: list[Row]) -> list[dict[str, str]]:
    """Typed rows without their empty cells; rows that are empty altogether are left out."""
    examples = [{name: str(value) for name, value in row.items() if value not in (None, "")} for row in rows]
    return [row for row in examples if row]


@plain_fragment
def _editor(project: Project, version: Version | None) -> None:
    rerun_after_action()
    draft = FewShotDraft(project, version.name if version else "")
    left, right = side_by_side([11, 8], "few_shot")
    with left:
        body = _fields(draft, draft.body_to_edit(version))
        saved_text = f"Saved as version {version.number}. Choose it for a prompt in the tab Editor." if version else ""
        save_row(draft, version, body, saved_text)
        _downloads(body)
    # Rows that are being typed have no answer yet; the preview shows what the model would get.
    complete = [example for example in body["examples"] if "answer" in example]
    spec = few_shot_from({**draft.values(body), "examples": complete})
    with right:
        overlap = _overlap(project, spec)
        selection_view(project, spec.model_copy(update={"examples": tuple(
            example for place, example in enumerate(spec.examples) if place not in overlap)}))  # fmt: skip
    if version is not None:
        with show_errors():
            body_before = draft.values(body) if draft.has_changes(body, version) else None
            versions_view(project, store().versions(project, FEW_SHOT, draft.name), body_before, draft.discard)


def _fields(draft: FewShotDraft, base: Body) -> Body:
    slot = draft.slot
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        draft.text_input("Name", base["name"], "name", placeholder="worked-examples", width=260)
        sources_view(draft.project, draft.add)
    columns = _columns(base)
    config = {column: st.column_config.TextColumn(column.capitalize(), width="medium") for column in columns}
    edit_rows(_table_key(slot, columns), base["examples"] or [{}], config, on_change=draft.keep)
    one, two, three = st.columns([4, 1, 1], gap="small")
    select = one.selectbox(
        "Which of them a question gets", list(SELECT), list(SELECT).index(base["select"]),
        key=f"shots_select_{slot}", format_func=SELECT.__getitem__, on_change=draft.keep,
    )  # fmt: skip
    # A set may keep 0, and more than anybody would type.
    two.number_input("k", 0, None, base["k"], key=f"shots_k_{slot}", disabled=select == "all", on_change=draft.keep)
    three.number_input("Seed", 0, 10_000, base["seed"], key=f"shots_seed_{slot}", disabled=select != "random",
                       on_change=draft.keep)  # fmt: skip
    hints = {"placeholder": "As the prompt's user message", "help": "Jinja2 over the columns of the table."}
    draft.text_input("How an example's question is written", base["template"], "template", **hints)
    return draft.body_from_form()


def _downloads(body: Body) -> None:
    complete = [example for example in body["examples"] if "answer" in example]
    if not complete:
        return
    stem = fmt.file_stem(body["name"] or "few-shot")
    files: list[File] = [
        ("CSV", partial(write_few_shot, complete, "csv"), f"{stem}.csv"),
        ("JSONL", partial(write_few_shot, complete, "jsonl"), f"{stem}.jsonl"),
    ]
    # Chats need something that the user says.
    if all(example.get("question") for example in complete):
        files.append(("OpenAI chat JSONL", partial(write_few_shot, complete, "openai"), f"{stem}-chat.jsonl"))
    downloads("few_shot_download", *files)


def _overlap(project: Project, spec: FewShotSpec) -> set[int]:
    """Name the examples that repeat a question of a set; gives the places of those that are left out."""
    sets = [item.name for item in set_choices(project)]
    set_name = st.selectbox("Checked against", [*sets, _NONE], key="shots_against", persist_state="session",
                          help="What stands in a prompt cannot be measured with: the model copies it.")  # fmt: skip
    if set_name == _NONE or not spec.examples:
        return set()
    # The newest version: it is what comparisons ask.
    questions = [example.question for example in newest_set(project, set_name).examples]
    matches = find_overlap(spec.examples, questions)
    if not matches:
        st.caption(f":material/check: No example stands in {fmt.markdown(set_name)}.")
        return set()
    count = fmt.plural(len(matches), "example")
    st.markdown(f":orange[:material/warning: {count} also in {fmt.markdown(set_name)}:] left out of comparisons on it.")
    # Five show what it is about; the count stands above.
    for overlap in matches[:5]:
        st.caption(f"{overlap.kind}: {fmt.markdown(fmt.shorten(questions[overlap.question], 90))}")
    keep = st.toggle("Show what they would do all the same", False, key="shots_keep_overlap")
    return set() if keep else {overlap.example for overlap in matches}


def _columns(body: Body) -> list[str]:
    return list(dict.fromkeys(["question", "answer", *(key for example in body["examples"] for key in example)]))


def _table_key(slot: str, columns: list[str]) -> str:
    return f"shots_table_{'_'.join(columns)}_{slot}"
