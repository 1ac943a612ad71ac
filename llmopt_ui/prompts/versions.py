"""Versions of a prompt or few-shot set: notes, labels, word diff, restore."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import streamlit as st

from llmopt_core.errors import LlmOptError
from llmopt_core.experiments.prompt_lab.library import PROMPT, restore
from llmopt_core.prompts.diff import word_diff
from llmopt_core.runs.store_versions import Version
from llmopt_core.runs.values import Project
from llmopt_ui import format as fmt
from llmopt_ui.components import section
from llmopt_ui.prompts.texts import diff_html
from llmopt_ui.resources import store
from llmopt_ui.session import notify, state

_SHOWN = 6
_TYPED = 0


def versions_view(
    project: Project, found: Sequence[Version], typed: dict[str, Any] | None, refill: Callable[[], None]
) -> None:
    """All versions, newest first.

    Args:
        project: Whose they are.
        found: Versions of one thing, oldest first; at least one.
        typed: What stands in the form, where it differs from the newest version.
        refill: Called after a restore, so that the form shows what was restored.
    """
    kind, name = found[0].kind, found[0].name
    section("Versions", "Every save is a version. A label, such as production, points to one of them.")
    newest_first = list(reversed(found))
    for version in newest_first[:_SHOWN]:
        _row(project, version, version is newest_first[0], refill)
    if len(found) > _SHOWN:
        with st.expander(fmt.plural(len(found) - _SHOWN, "earlier version")):
            for version in newest_first[_SHOWN:]:
                _row(project, version, False, refill)
    if len(found) > 1 or typed is not None:
        _compared(found, typed, f"{kind}_{name}")


def version_text(kind: str, body: dict[str, Any]) -> str:
    """A version as text to compare: the parts that have something in them, under their names."""
    if kind != PROMPT:
        lines = [json.dumps(example, ensure_ascii=False) for example in body.get("examples", ())]
        rest = [f"{key}: {value}" for key, value in body.items() if key != "examples" and value not in ("", None)]
        return "\n".join([*rest, *lines])
    parts = [("System", body.get("system", ""))]
    for step in body.get("steps", ()):
        parts += [(f"Step {step['name']}", step["template"]), ("Its system message", step.get("system", ""))]
        parts += [("Its extraction", step.get("extract", ""))]
    parts += [("User message", body.get("template", "")), ("Extraction", body.get("extract", ""))]
    shots = body.get("few_shot")
    if shots:
        parts.append(("Few-shot examples", version_text("few-shot", shots)))
    return "\n\n".join(f"[{title}]\n{text}" for title, text in parts if text)


def _row(project: Project, version: Version, newest: bool, refill: Callable[[], None]) -> None:
    kind, name, number = version.kind, version.name, version.number
    key = f"{kind}_{name}_{number}"
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.markdown(f"**v{number}**", width=44)
        for label in version.labels:
            st.badge(fmt.markdown(label), color="violet")
        st.text(version.note or "No note", width="stretch")
        st.caption(f"{version.saved_at:%d %b %Y, %H:%M}", width="content")
        with st.popover("Label", icon=":material/label:", type="tertiary", key=f"version_label_{key}"):
            st.text_input("Label", "production", key=f"version_label_name_{key}")
            st.button("Point it to this version", key=f"version_label_set_{key}", on_click=_label,
                      args=(project, version, f"version_label_name_{key}"))  # fmt: skip
            for label in version.labels:
                st.button(f"Remove {label}", key=f"version_label_remove_{key}_{label}", type="tertiary",
                          on_click=partial(store().remove_label, project, kind, name, label))  # fmt: skip
        st.button("Restore", key=f"version_restore_{key}", icon=":material/history:", type="tertiary", disabled=newest,
                  on_click=_restore, args=(project, version, refill))  # fmt: skip


def _label(project: Project, version: Version, field: str) -> None:
    try:
        store().set_label(project, version.kind, version.name, st.session_state[field] or "", version.number)
    except LlmOptError as error:
        state().problem = str(error)


def _restore(project: Project, version: Version, refill: Callable[[], None]) -> None:
    saved = restore(store(), project, version.kind, version.name, version.number)
    refill()
    notify(f"Version {version.number} is version {saved.number} now.")


def _compared(found: Sequence[Version], typed: dict[str, Any] | None, key: str) -> None:
    bodies = {version.number: version.body for version in found}
    if typed is not None:
        bodies[_TYPED] = typed
    numbers = [*([_TYPED] if typed is not None else []), *(version.number for version in reversed(found))]

    def told(number: int) -> str:
        return "What is typed" if number == _TYPED else f"v{number}"

    st.markdown("**Differences**")
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        old = st.selectbox("From", numbers, 1, key=f"version_from_{key}", format_func=told, width=180)
        new = st.selectbox("To", numbers, 0, key=f"version_to_{key}", format_func=told, width=180)
    kind = found[0].kind
    pieces = word_diff(version_text(kind, bodies[old]), version_text(kind, bodies[new]))
    if all(op == "equal" for op, _ in pieces):
        st.caption("They say the same.")
    else:
        with st.container(border=True):
            st.html(diff_html(pieces))
