"""Versions of a prompt or few-shot set: notes, labels, word diff, restore."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import streamlit as st

from llmopt_core.experiments.versions.prompts import PROMPT, restore
from llmopt_core.runs.store_versions import Version
from llmopt_core.runs.values import Project
from llmopt_core.text.word_diff import word_diff
from llmopt_ui import format as fmt
from llmopt_ui.components import section
from llmopt_ui.prompts.html_blocks import diff_html
from llmopt_ui.resources import store
from llmopt_ui.session import notify, report_problem

_VERSIONS_AT_MOST = 6
"""The newest are looked for; older ones are folded away."""
_DRAFT = 0


def versions_view(
    project: Project, versions: Sequence[Version], draft: dict[str, Any] | None, refill: Callable[[], None]
) -> None:
    """All versions, newest first.

    Args:
        project: Whose they are.
        versions: Versions of one thing, oldest first; at least one.
        draft: What stands in the form, where it differs from the newest version.
        refill: Called after a restore, so that the form shows what was restored.
    """
    kind, name = versions[0].kind, versions[0].name
    section("Versions", "Every save is a version. A label, such as production, points to one of them.")
    newest_first = list(reversed(versions))
    for version in newest_first[:_VERSIONS_AT_MOST]:
        _row(project, version, version is newest_first[0], refill)
    if len(versions) > _VERSIONS_AT_MOST:
        with st.expander(fmt.plural(len(versions) - _VERSIONS_AT_MOST, "earlier version")):
            for version in newest_first[_VERSIONS_AT_MOST:]:
                _row(project, version, False, refill)
    if len(versions) > 1 or draft is not None:
        _compare(versions, draft, f"{kind}_{name}")


def version_parts(kind: str, body: dict[str, Any]) -> dict[str, str]:
    """A version as texts to compare, by the name of the part; parts with nothing in them are left out."""
    if kind != PROMPT:
        lines = [json.dumps(example, ensure_ascii=False) for example in body.get("examples", ())]
        rest = [f"{key}: {value}" for key, value in body.items() if key != "examples" and value not in ("", None)]
        parts = {"Selection": "\n".join(rest), "Examples": "\n".join(lines)}
    else:
        parts = {"System message": body.get("system", "")}
        for step in body.get("steps", ()):
            name = f"Step {step['name']}"
            # Steps before the user message, in the order in which they are asked.
            parts |= {name: step["template"], f"{name}, system message": step.get("system", "")}
            parts[f"{name}, extraction"] = step.get("extract", "")
        parts |= {"User message": body.get("template", ""), "Extraction": body.get("extract", "")}
        parts["Few-shot examples"] = "\n".join(version_parts("few-shot", body.get("few_shot") or {}).values())
    return {name: text for name, text in parts.items() if text}


def _row(project: Project, version: Version, newest: bool, refill: Callable[[], None]) -> None:
    kind, name, number = version.kind, version.name, version.number
    key = f"{kind}_{name}_{number}"
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.markdown(f"**v{number}**", width=44)
        for label in version.labels:
            st.badge(fmt.markdown(label), color="violet")
        st.text(version.note or "No note", width="stretch")
        st.caption(fmt.full_moment(version.saved_at), width="content")
        with st.popover("Label", icon=":material/label:", type="tertiary", key=f"version_label_{key}"):
            st.text_input("Label", "production", key=f"version_label_name_{key}")
            st.button("Point it to this version", key=f"version_label_set_{key}", on_click=_label,
                      args=(project, version, f"version_label_name_{key}"))  # fmt: skip
            for label in version.labels:
                st.button(f"Remove {fmt.markdown(label)}", key=f"version_label_remove_{key}_{label}", type="tertiary",
                          on_click=partial(store().remove_label, project, kind, name, label))  # fmt: skip
        st.button("Restore", key=f"version_restore_{key}", icon=":material/history:", type="tertiary", disabled=newest,
                  on_click=_restore, args=(project, version, refill))  # fmt: skip


def _label(project: Project, version: Version, field: str) -> None:
    with report_problem():
        store().set_label(project, version.kind, version.name, st.session_state[field] or "", version.number)


def _restore(project: Project, version: Version, refill: Callable[[], None]) -> None:
    new_version = restore(store(), project, version.kind, version.name, version.number)
    # After it is stored: the form is filled from the newest version.
    refill()
    notify(f"Version {version.number} is version {new_version.number} now.")


def _compare(versions: Sequence[Version], draft: dict[str, Any] | None, key: str) -> None:
    bodies = {version.number: version.body for version in versions}
    if draft is not None:
        bodies[_DRAFT] = draft
    numbers = [*([_DRAFT] if draft is not None else []), *(version.number for version in reversed(versions))]

    def label(number: int) -> str:
        return "What is typed" if number == _DRAFT else f"v{number}"

    st.markdown("**Differences**")
    # What was picked holds until there is something newer to look at.
    # Two numbers at least: the view calls this only where there is something to compare.
    newest = f"{key}_{numbers[0]}_{numbers[1]}"
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        old = st.selectbox("From", numbers, 1, key=f"version_from_{newest}", format_func=label, width=180)
        new = st.selectbox("To", numbers, 0, key=f"version_to_{newest}", format_func=label, width=180)
    kind = versions[0].kind
    before, after = version_parts(kind, bodies[old]), version_parts(kind, bodies[new])
    # Parts that are gone come after those that are there.
    fields = [name for name in {**after, **before} if before.get(name, "") != after.get(name, "")]
    if not fields:
        st.caption("They say the same.")
        return
    with st.container(border=True):
        for name in fields:
            st.caption(f"**{fmt.markdown(name)}**{_difference_note(name, before, after)}")
            st.html(diff_html(word_diff(before.get(name, ""), after.get(name, ""))))
        same = [name for name in after if name not in fields]
        if same:
            st.caption(f"Unchanged: {fmt.markdown(', '.join(same))}.")


def _difference_note(name: str, before: dict[str, str], after: dict[str, str]) -> str:
    return " is new" if name not in before else " is gone" if name not in after else ""
