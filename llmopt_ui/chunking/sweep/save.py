"""A setting of a sweep as a configuration."""

from __future__ import annotations

import streamlit as st

from llmopt_core.experiments.comparison_parents import record_origin
from llmopt_core.experiments.configuration import Configuration, configuration_from
from llmopt_core.experiments.setting_choices import record_setting_choice
from llmopt_core.labs.chunking.result import SweepResult, by_recall
from llmopt_core.labs.chunking.tables import Advice, configuration_of
from llmopt_core.runs.question_splits import part_name, part_of
from llmopt_core.runs.values import Project, SavedConfiguration
from llmopt_core.types.parts import CONFIRM, SEARCH
from llmopt_ui import format as fmt
from llmopt_ui.components import link_to, section, show_errors
from llmopt_ui.evaluation_sets import set_version
from llmopt_ui.forms.configuration import STARTER
from llmopt_ui.navigation import EVALUATION
from llmopt_ui.resources import store
from llmopt_ui.session import notify

SETTING, BASE, SAVE = "sweep_save_setting", "sweep_save_base", "sweep_save"
_STARTER = "Starter (built-in model)"


def save_view(project: Project, result: SweepResult, advice: Advice) -> None:
    """Choose a setting and whose model and prompt it gets; one click saves it."""
    section("Use a setting", "Saved as a configuration it can be run on the page Evaluation.")
    configurations = {item.name: item for item in store().configurations(project)}
    names = [result.names[position] for position in by_recall(result)]
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        # The frugal one at first: as good as the best as far as is seen, for fewer tokens.
        choice = st.selectbox(
            "Setting", names, names.index(result.names[advice.frugal]), key=SETTING, persist_state="session", width=300
        )
        base = st.selectbox(
            "Model and prompt of", [*configurations, _STARTER], _usual_position(list(configurations.values())),
            key=BASE, persist_state="session", width=300,
        )  # fmt: skip
        name = configuration_name(choice, result.spec.search)
        if st.button(f"Save as {fmt.markdown(name)}", key=SAVE, type="primary", icon=":material/save:"):
            with show_errors():
                # A copy of the starter, which is a constant of another module.
                before = configuration_from(configurations[base].spec if base in configurations else dict(STARTER))
                _save(project, result, result.names.index(choice), before, name)
    st.caption(
        "Chunking, embedding, search and number of chunks are exactly those that were measured, without reranking or "
        "query transforms; model and prompt come from the other configuration."
    )
    part = part_of(result.set_name)
    if part is not None and part[1] == SEARCH:
        st.caption(
            f":material/info: The setting is chosen on {fmt.markdown(result.set_name)}; run it on "
            f"{fmt.markdown(part_name(part[0], CONFIRM))} to confirm it."
        )
    if name in configurations:
        link_to(EVALUATION, "Run it on the page Evaluation", "Run")


def configuration_name(setting: str, search: str) -> str:
    """`sweep-recursive-200-0-top-5`."""
    # A name that needs no quotes on a command line.
    words = setting.replace("/", "-").replace(",", "").replace(" ", "-")
    return f"sweep-{words}" + ("-bm25" if search == "bm25" else "")


def _usual_position(configurations: list[SavedConfiguration]) -> int:
    """The first configuration that retrieves: its prompt has a place for passages."""
    return next((place for place, item in enumerate(configurations) if item.spec.get("retrieval")), len(configurations))


def _save(project: Project, result: SweepResult, position: int, base: Configuration, name: str) -> None:
    configuration = configuration_of(result, result.settings[position], base, name)
    version = store().save_configuration(
        project, configuration.name, configuration.model_dump(mode="json"), configuration.fingerprint
    )
    record_origin(store(), project, configuration.fingerprint, base)
    questions = set_version(project, result.set_name, result.set_version)
    record_setting_choice(
        store(), project, configuration, "chunking", f"chunk sweep on {result.set_name}", questions.examples
    )
    notify(f"{version.name} saved as version {version.version}; run it on the page Evaluation.")
    st.rerun()
