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


def variants_fields(project: Project, setup: Setup, slot: str) -> Setup:
    """Draw the columns; gives the setup with what was chosen."""
    offered = prompt_choices(project)
    chosen = list(setup.variants) or usual_variants(project, list(offered))
    made = []
    grid = st.grid(max(2, min(MOST_VARIANTS, len(chosen) + 1)), min_column_width=_NARROWEST)
    names = variant_names(chosen)
    colours = project_inks(project, names)
    for place, variant in enumerate(chosen):
        with grid.cell(), st.container(border=True, gap="small"):
            with st.container(horizontal=True, vertical_alignment="center", key=f"nowrap_variant_{place}_{slot}"):
                st.markdown(
                    f"{colours[names[place]].dot} **{fmt.markdown(fmt.shorten(names[place], 44))}**", width="stretch"
                )
                st.button("", key=f"variant_remove_{place}_{slot}", icon=":material/close:", type="tertiary",
                          help="Remove this variant", disabled=len(chosen) == 1, on_click=_replace,
                          args=(project, setup, [other for at, other in enumerate(chosen) if at != place]))  # fmt: skip
            made.append(variant_fields(project, variant, offered, f"{place}_{slot}"))
    if len(chosen) < MOST_VARIANTS:
        with grid.cell():
            st.button("Add a variant", key=f"variant_add_{slot}", icon=":material/add:", on_click=_replace,
                      args=(project, setup, [*made, made[-1]]))  # fmt: skip
    return setup.model_copy(update={"variants": tuple(made)})


def prompt_choices(project: Project) -> dict[str, str]:
    """What can be chosen -> how it is shown: each prompt's newest version, its labels, then all its versions."""
    offered: dict[str, str] = {}
    versions = store().versions(project, PROMPT)
    for name in dict.fromkeys(version.name for version in versions):
        own = [version for version in versions if version.name == name]
        offered[name] = f"{name} (newest, v{own[-1].number})"
        offered |= {f"{name}@{label}": f"{name} ({label}, v{v.number})" for v in own for label in v.labels}
        offered |= {f"{name}@{v.number}": version_label(v) for v in reversed(own)}
    return offered


def usual_variants(project: Project, offered: list[str]) -> list[VariantSetup]:
    """The two prompts last saved, on the built-in model."""
    saved = dict.fromkeys(version.name for version in store().versions(project, PROMPT))
    names = [name for name in saved if name in offered][-2:]
    return [VariantSetup(prompt=name, retrieval=_usual_retrieval(project, name)) for name in names]


def _usual_retrieval(project: Project, prompt: str) -> str:
    return next(iter(_retrieval_names(project)), "") if _wants_passages(project, prompt) else ""


def variant_fields(project: Project, before: VariantSetup, offered: dict[str, str], key: str) -> VariantSetup:
    """Prompt, model and passages of one column."""
    names = list(offered) if before.prompt in offered else [before.prompt, *offered]
    prompt = st.selectbox("Prompt", names, names.index(before.prompt), key=f"variant_prompt_{key}",
                          persist_state="session",
                          format_func=lambda name: offered.get(name, f"{name} (gone)"))  # fmt: skip
    shown = str(st.session_state.get(f"variant_told_{key}") or _model_label(before.model))
    with st.popover(fmt.markdown(shown), icon=":material/tune:", width="stretch", key=f"variant_model_{key}"):
        model = _model(before.model, key)
    if _model_label(model) != shown:
        # The label stands above the fields that change it.
        st.session_state[f"variant_told_{key}"] = _model_label(model)
        st.rerun()
    retrieval = before.retrieval
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
    except ValidationError as error:
        show_error(sentence_of(error))
        return before


def _model_label(model: ModelSpec) -> str:
    who = "built-in model" if model.endpoint == BUILTIN and not model.name else model.name or model.endpoint
    return f"{who}, temperature {model.temperature:g}"


def _wants_passages(project: Project, prompt: str) -> bool:
    try:
        found = load_prompt(store(), project, prompt)
        return any(set(RETRIEVAL_VARIABLES) & variables_in(template) for template in templates_of(found))
    except LlmOptError:
        return False


def _retrieval_names(project: Project) -> list[str]:
    return [item.name for item in list_configurations(store(), project) if item.retrieval is not None]


def _replace(project: Project, setup: Setup, variants: list[VariantSetup]) -> None:
    save_setup(project, setup.model_copy(update={"variants": tuple(variants)}), refill=True)
