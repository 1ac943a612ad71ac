"""Which few-shot examples a given question gets, and what they cost in tokens."""

from __future__ import annotations

import streamlit as st

from llmopt_core.experiments.preview import preview_prompt, preview_variables
from llmopt_core.prompts.spec import FewShotSpec, PromptSpec
from llmopt_core.runs.values import Project
from llmopt_core.types import Message
from llmopt_ui import format as fmt
from llmopt_ui.components import show_errors
from llmopt_ui.prompts.html_blocks import messages_html
from llmopt_ui.prompts.preview import model_for_counting, pick_example
from llmopt_ui.resources import models


def selection_view(project: Project, spec: FewShotSpec) -> None:
    """Choose a question, see its examples as the model would."""
    st.markdown("**What a question gets**")
    _, example = pick_example(project, "few_shot")
    model = model_for_counting("few_shot")
    if not spec.examples:
        st.caption("No examples yet: type some into the table, import a file, or take good answers of earlier runs.")
        return
    with show_errors():
        # Without a template examples are written as the prompt's user message; here there is no prompt, so the plain
        # question stands for it.
        few_shot = spec if spec.template else spec.model_copy(update={"template": "{{ question }}"})
        preview = preview_prompt(
            PromptSpec(few_shot=few_shot), preview_variables(PromptSpec(), example), model, models()
        )
        tokens = sum(size for *_, size in preview.last.few_shot)
        about = "" if preview.last.exact else "about "
        st.markdown(
            f"**{fmt.plural(len(preview.last.few_shot), 'example')}**, {about}{fmt.count(tokens)} tokens in every "
            "prompt"
        )
        messages, titles = [], []
        for text, answer, size in preview.last.few_shot:
            messages += [Message("user", text), Message("assistant", answer)]
            titles += [f"example, {size:,} tokens", "answer"]
        # None where a set shows 0 of them.
        if messages:
            st.html(messages_html(messages, titles))
