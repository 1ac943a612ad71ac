"""The live preview: the prompt on one example, with its tokens, its price, and variables that do not fit."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from llmopt_core.evaluation.assertions.columns import ASSERTION_COLUMNS
from llmopt_core.experiments.preview import (
    PromptPreview,
    columns_of,
    preview_prompt,
    preview_variables,
    stand_in,
    variables_of,
)
from llmopt_core.experiments.versions.prompts import prompt_from
from llmopt_core.models.base import BUILTIN, ModelSpec
from llmopt_core.prompts.spec import PromptSpec
from llmopt_core.runs.values import Project
from llmopt_core.types import Document, Example
from llmopt_ui import format as fmt
from llmopt_ui.components import facts, show_errors
from llmopt_ui.evaluation_sets import newest_set, set_choices
from llmopt_ui.keys import endpoints
from llmopt_ui.model_choice import model_choice
from llmopt_ui.prompts.draft import Body
from llmopt_ui.prompts.html_blocks import messages_html
from llmopt_ui.resources import models, settings, store

SET, EXAMPLE, QUESTION = "preview_set", "preview_example", "preview_question"
ENDPOINT, MODEL = "preview_endpoint", "preview_model"
_OWN_QUESTION = "a typed question"


def preview_view(project: Project, body: Body) -> None:
    """The right side of the editor."""
    st.markdown("**Preview**")
    examples, example = _example(project)
    model = _model()
    with show_errors():
        prompt = prompt_from(body)
        _variables(prompt, examples)
        _render(project, prompt, example, model)


def pick_example(project: Project, key: str) -> tuple[tuple[Example, ...], Example]:
    """Choose an example of a set, or type a question; gives all examples of the set, too."""
    sets = [item.name for item in set_choices(project)]
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        set_name = st.selectbox("On", [*sets, _OWN_QUESTION], key=f"{SET}_{key}", width=190, persist_state="session")
        if set_name == _OWN_QUESTION:
            question = st.text_input("Question", "What is the capital of France?", key=f"{QUESTION}_{key}", live=True,
                                  persist_state="session")  # fmt: skip
            return (), Example("typed", question or "")
        question_set = newest_set(project, set_name)
        texts = {example.id: f"{example.id} · {fmt.shorten(example.question, 90)}" for example in question_set.examples}
        example_id = st.selectbox("Example", list(texts), key=f"{EXAMPLE}_{key}_{set_name}",
                              format_func=texts.__getitem__, persist_state="session")  # fmt: skip
    return question_set.examples, next(
        (e for e in question_set.examples if e.id == example_id), question_set.examples[0]
    )


def _example(project: Project) -> tuple[tuple[Example, ...], Example]:
    return pick_example(project, "editor")


def _model() -> ModelSpec:
    return model_for_counting("editor")


def model_for_counting(key: str) -> ModelSpec:
    """For which model tokens are counted."""
    names = list(endpoints(settings()))
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        endpoint = st.selectbox("Counted for", names, key=f"{ENDPOINT}_{key}", width=190, persist_state="session")
        name = model_choice(
            st, endpoint, "", f"{MODEL}_{key}", live=True, persist_state="session", disabled=endpoint == BUILTIN
        )
    return ModelSpec(endpoint=endpoint, name="" if endpoint == BUILTIN else name)


def _variables(prompt: PromptSpec, examples: Sequence[Example]) -> None:
    columns = columns_of(examples)
    variables = variables_of(prompt, columns)
    names_text = ", ".join(f"`{name}`" for name in variables.used) or "none"
    st.caption(f"Variables: {names_text}")
    if variables.undefined:
        names = ", ".join(f"`{name}`" for name in variables.undefined)
        st.markdown(f":red[:material/error: Undefined:] {names} :gray[– no column of these examples, no earlier step.]")
    # Columns of assertions are for grading and never meant for the prompt.
    spare = [name for name in variables.unused if name not in ASSERTION_COLUMNS]
    if spare:
        st.caption(f":material/info: Not used: {', '.join(f'`{name}`' for name in spare)}")


def _render(project: Project, prompt: PromptSpec, example: Example, model: ModelSpec) -> None:
    # No retrieval here: a preview must be there at once, so the true source stands in its place.
    passage = stand_in(example, _documents(project)) if _wants_context(prompt, example) else ""
    preview = preview_prompt(prompt, preview_variables(prompt, example, passage), model, models())
    # Tokenizers of most services are not public; their counts are estimates.
    about = "" if preview.last.exact else "about "
    facts(
        (
            "Tokens",
            f"{about}{fmt.count(preview.tokens)}",
            f"Counted by {preview.tokenizer}, the marks of messages included.",
        ),
        ("Price of the prompt", fmt.money(preview.cost_usd), "Without the answer."),
        ("Calls", fmt.count(1 + len(preview.steps))),
    )
    if passage:
        st.caption("`context` shows the passage around the example's source; a run fills it by retrieval.")
    st.html(_messages(preview))


def _messages(preview: PromptPreview) -> str:
    parts = [
        messages_html(messages, [f"step {name}: {m.role}" for m in messages]) for name, messages, _ in preview.steps
    ]
    return "".join([*parts, messages_html(preview.last.messages)])


def _wants_context(prompt: PromptSpec, example: Example) -> bool:
    return bool(variables_of(prompt, list(example.variables)).from_retrieval)


def _documents(project: Project) -> dict[str, Document]:
    versions = tuple((item.name, item.version) for item in store().document_list(project))
    return _read(project.id, versions, project)


# By versions, as the preview is drawn at every keystroke and must not read the documents each time.
@st.cache_resource(max_entries=4, show_spinner=False)
def _read(project_id: int, versions: tuple[tuple[str, str], ...], _project: Project) -> dict[str, Document]:
    return {document.name: document for document in store().documents(_project)}
