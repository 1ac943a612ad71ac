"""The columns of a comparison: prompt, model, parameters, passages."""

from __future__ import annotations

import streamlit as st
from pydantic import ValidationError

from llmopt_core.errors import LlmOptError
from llmopt_core.experiments.comparison_plan import MOST_VARIANTS
from llmopt_core.experiments.comparison_setup import Setup, VariantSetup, variant_names
from llmopt_core.experiments.experiment import list_configurations
from llmopt_core.experiments.preview import RETRIEVAL_VARIABLES
from llmopt_core.experiments.versions.prompts import PROMPT, load_prompt, version_label
from llmopt_core.models.base import BUILTIN, ModelSpec
from llmopt_core.prompts.messages import templates_of
from llmopt_core.prompts.template import variables_in
from llmopt_core.runs.values import Project
from llmopt_ui import format as fmt
from llmopt_ui.colours import project_inks
from llmopt_ui.components import show_error
from llmopt_ui.forms.configuration import model_fields, sentence_of
from llmopt_ui.prompts.setup_draft import save_setup
from llmopt_ui.resources import store

_NO_PASSAGES = "No passages"
_NARROWEST = 225
"""Pixels in which the fields of a variant are readable; below that its column breaks into the next row."""


def variants_fields(project: Project, setup: Setup, slot: str) -> Setup:
    """Draw the columns; gives the setup with what was chosen."""
    labels = prompt_choices(project)
    variants = list(setup.variants) or usual_variants(project, list(labels))
    result = []
    grid = st.grid(max(2, min(MOST_VARIANTS, len(variants) + 1)), min_column_width=_NARROWEST)
    # Two variants may be the same prompt: names tell them apart by what differs.
    names = variant_names(variants)
    colours = project_inks(project, names)
    for place, variant in enumerate(variants):
        with grid.cell(), st.container(border=True, gap="small"):
            with st.container(horizontal=True, vertical_alignment="center", key=f"nowrap_variant_{place}_{slot}"):
                st.markdown(
                    f"{colours[names[place]].dot}\u00a0**{fmt.markdown(fmt.shorten(names[place], 44))}**",
                    width="stretch",
                )
                st.button("", key=f"variant_remove_{place}_{slot}", icon=":material/close:", type="tertiary",
                          help="Remove this variant", disabled=len(variants) == 1, on_click=_replace,
                          args=(project, setup, [one for at, one in enumerate(variants) if at != place]))  # fmt: skip
            result.append(variant_fields(project, variant, labels, f"{place}_{slot}"))
    if len(variants) < MOST_VARIANTS:
        with grid.cell():
            st.button("Add a variant", key=f"variant_add_{slot}", icon=":material/add:", on_click=_replace,
                      args=(project, setup, [*result, result[-1]]))  # fmt: skip
    return setup.model_copy(update={"variants": tuple(result)})


def prompt_choices(project: Project) -> dict[str, str]:
    """What can be chosen -> how it is shown: each prompt's newest version, its labels, then all its versions."""
    labels: dict[str, str] = {}
    versions = store().versions(project, PROMPT)
    # In the order of their first versions, so that a new version of one moves nothing.
    for name in dict.fromkeys(version.name for version in versions):
        own = [version for version in versions if version.name == name]
        labels[name] = f"{name} (newest, v{own[-1].number})"
        labels |= {f"{name}@{label}": f"{name} ({label}, v{v.number})" for v in own for label in v.labels}
        labels |= {f"{name}@{v.number}": version_label(v) for v in reversed(own)}
    return labels


def usual_variants(project: Project, prompt_names: list[str]) -> list[VariantSetup]:
    """The two prompts last saved, on the built-in model."""
    saved_names = dict.fromkeys(version.name for version in store().versions(project, PROMPT))
    # The last two: what was just written, beside what was written before.
    names = [name for name in saved_names if name in prompt_names][-2:]
    return [VariantSetup(prompt=name, retrieval=_usual_retrieval(project, name)) for name in names]


def _usual_retrieval(project: Project, prompt: str) -> str:
    return next(iter(_retrieval_names(project)), "") if _wants_passages(project, prompt) else ""


def variant_fields(project: Project, before: VariantSetup, labels: dict[str, str], key: str) -> VariantSetup:
    """Prompt, model and passages of one column."""
    # A prompt that was deleted stays a choice and says so, instead of becoming another one unseen.
    names = list(labels) if before.prompt in labels else [before.prompt, *labels]
    prompt = st.selectbox("Prompt", names, names.index(before.prompt), key=f"variant_prompt_{key}",
                          persist_state="session",
                          format_func=lambda name: labels.get(name, f"{name} (gone)"))  # fmt: skip
    # Kept apart, as the popover is named before its fields are drawn.
    label = str(st.session_state.get(f"variant_told_{key}") or _model_label(before.model))
    with st.popover(fmt.markdown(label), icon=":material/tune:", width="stretch", key=f"variant_model_{key}"):
        model = _model(before.model, key)
    if _model_label(model) != label:
        # The label stands above the fields that change it.
        st.session_state[f"variant_told_{key}"] = _model_label(model)
        st.rerun()
    retrieval = before.retrieval
    # A retrieval that is set is shown also where this prompt does not use it, or it could not be taken out.
    if _wants_passages(project, prompt) or before.retrieval:
        retrieving = _retrieval_names(project)
        options = ["", *dict.fromkeys([*retrieving, *([before.retrieval] if before.retrieval else [])])]
        retrieval = st.selectbox(
            "Passages from", options, options.index(before.retrieval), key=f"variant_passages_{key}",
            format_func=lambda name: f"Retrieval of {name}" if name else _NO_PASSAGES, persist_state="session",
            help="The configuration whose retrieval fills {{ context }}.",
        )  # fmt: skip
    return VariantSetup(prompt=prompt, model=model, retrieval=retrieval or "")


def _model(before: ModelSpec, key: str) -> ModelSpec:
    values = model_fields(before, f"variant_{key}")
    try:
        return ModelSpec.model_validate(values)
    # Half-typed values are said and the former ones count, so that the other columns are drawn.
    except ValidationError as error:
        show_error(sentence_of(error))
        return before


def _model_label(model: ModelSpec) -> str:
    who = "built-in model" if model.endpoint == BUILTIN and not model.name else model.name or model.endpoint
    return f"{who}, temperature {model.temperature:g}"


def _wants_passages(project: Project, prompt: str) -> bool:
    try:
        prompt_spec = load_prompt(store(), project, prompt)
        return any(set(RETRIEVAL_VARIABLES) & variables_in(template) for template in templates_of(prompt_spec))
    # The prompt is gone or broken, which is told where it is used.
    except LlmOptError:
        return False


def _retrieval_names(project: Project) -> list[str]:
    return [item.name for item in list_configurations(store(), project) if item.retrieval is not None]


def _replace(project: Project, setup: Setup, variants: list[VariantSetup]) -> None:
    save_setup(project, setup.model_copy(update={"variants": tuple(variants)}), refill=True)
