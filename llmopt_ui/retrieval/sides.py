"""What is looked at in the retrieval lab: one or two configurations, perhaps with changed settings, and a question."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from llmopt_core.experiments.configuration import Configuration, configuration_from
from llmopt_core.labs.retrieval.changes import apply_changes, as_text, from_text
from llmopt_core.labs.retrieval.differences import difference_lines
from llmopt_core.runs.values import Project, SavedConfiguration
from llmopt_core.text.json_text import parse_json
from llmopt_core.types import Example, fingerprint
from llmopt_ui import format as fmt
from llmopt_ui.button_to import button_to
from llmopt_ui.colours import project_inks
from llmopt_ui.components import empty_state
from llmopt_ui.evaluation_sets import set_choices
from llmopt_ui.forms.configuration import CONFIGURATION, NEW
from llmopt_ui.navigation import DOCUMENTS, EVALUATION
from llmopt_ui.resources import store
from llmopt_ui.retrieval_configurations import save_as_new
from llmopt_ui.session import notify
from llmopt_ui.theme import Ink

LEFT, RIGHT = "left", "right"
SET, QUESTION, OWN = "asked_set", "asked", "own_question"
NOBODY = "Nothing"
FREE = "own question"


@dataclass(frozen=True)
class Side:
    """One of the two configurations looked at.

    Attributes:
        place: `left` or `right`; also begins the names of its parameters in the address.
        original: As it is stored.
        configuration: With the changed settings.
        changes: What was changed here.
    """

    place: str
    original: Configuration
    configuration: Configuration
    changes: dict[str, Any]
    ink: Ink

    @property
    def name(self) -> str:
        """What it goes by on the page."""
        return self.configuration.name


def has_content(project: Project, configurations: Sequence[SavedConfiguration]) -> bool:
    """Whether there is anything to look at; says what to do where there is not."""
    if not store().document_list(project):
        with empty_state("No documents yet", "Retrieval needs something to look things up in.", ":material/search:"):
            button_to(DOCUMENTS, "Add documents", "retrieval_to_files", "Files")
        return False
    if not configurations:
        with empty_state(
            "No configuration looks things up yet",
            "Make one with retrieval switched on.",
            ":material/search:",
        ):
            button_to(EVALUATION, "Make a configuration", "retrieval_to_configurations", "Configurations",
                  **{CONFIGURATION: NEW})  # fmt: skip
        return False
    return True


def sides(project: Project, configurations: Sequence[SavedConfiguration]) -> list[Side]:
    """The fields for one or two configurations; gives what is chosen with what was changed."""
    names = [item.name for item in configurations]
    colours = project_inks(project, names)
    one, two = st.columns(2, gap="medium")
    # The last is the newest: what was just made is what one comes to look at.
    left = select_in_address(one, "Configuration", names, LEFT, names[-1])
    right = select_in_address(
        two, "Beside it", [NOBODY, *names], RIGHT, names[0] if len(names) > 1 else NOBODY,
        help="A second configuration, or the same one with other settings.",
    )  # fmt: skip
    result = [_side(LEFT, left, configurations, colours)]
    if right != NOBODY:
        result.append(_side(RIGHT, right, configurations, colours))
    return result


def select_in_address(
    place: DeltaGenerator, label: str, options: Sequence[str], key: str, default: str, **more: Any
) -> str:
    """A select whose choice always stands in the address.

    Streamlit's own binding leaves out the default, which is another one as soon as something is added.
    """
    # Deleted or renamed since, or the first visit: Streamlit raises an error for a value that is no option.
    if st.session_state.get(key) not in options:
        value = st.query_params.get(key, default)
        st.session_state[key] = value if value in options else default
    choice = str(place.selectbox(label, options, key=key, **more))
    # Only where it differs: every write sends a new address to the browser, and a step into its history.
    if st.query_params.get(key) != choice:
        st.query_params[key] = choice
    return choice


def _side(place: str, name: str, configurations: Sequence[SavedConfiguration], colours: dict[str, Ink]) -> Side:
    # With the name of the store, as a stored spec may still hold the one before a renaming.
    before_item = next(item for item in configurations if item.name == name)
    before = configuration_from({**before_item.spec, "name": before_item.name})
    # Read again at each drawing: the address is the only place of these changes, so a copied link has them.
    changes = from_text(st.query_params.get(_changes_parameter(place), ""))
    return Side(place, before, apply_changes(before, changes), changes, colours[name])


def set_changes(place: str, changes: dict[str, Any]) -> None:
    """Put changed settings into the address; none takes them out."""
    _remember(_changes_parameter(place), as_text(changes))


def texts_of(side: Side, example: Example) -> tuple[str, ...] | None:
    """The texts that were written by hand for this question; None where there are none."""
    try:
        value = parse_json(st.query_params.get(_texts_parameter(side.place), "") or "null")
    # Somebody may have cut or changed the address.
    except ValueError:
        return None
    # The first entry stands for the question: texts written for one must not be searched with for another.
    if not isinstance(value, list) or not value or value[0] != fingerprint(example.question):
        return None
    return tuple(str(text) for text in value[1:])


def set_texts(place: str, example: Example, texts: Sequence[str] | None) -> None:
    """Put texts written by hand into the address; None takes them out."""
    # Letters as they are: escaped, a text in Greek or Japanese would make the address six times as long.
    value = json.dumps([fingerprint(example.question), *texts], ensure_ascii=False) if texts is not None else ""
    _remember(_texts_parameter(place), value)


def _remember(name: str, value: str) -> None:
    if value:
        st.query_params[name] = value
    elif name in st.query_params:
        del st.query_params[name]


def _changes_parameter(place: str) -> str:
    return f"{place}_with"


def _texts_parameter(place: str) -> str:
    return f"{place}_texts"


def question_fields(project: Project) -> Example | None:
    """The fields for a question: one of a set, or one's own. None where nothing is asked yet."""
    sets = set_choices(project)
    # A row that breaks where it is narrow: a set's name must be readable whole.
    row = st.container(horizontal=True, gap="medium")
    choice: Example | None = None
    if sets:
        names = [item.name for item in sets]
        name = select_in_address(row, "Evaluation set", names, SET, names[0], width=260)
        examples = {example.id: example for example in store().evaluation_set(project, name).examples}
        ids = list(examples)
        choice = examples.get(
            select_in_address(
                row, "Question", ids, QUESTION, ids[0],
                format_func=lambda key: fmt.shorten(examples[key].question, 110) if key in examples else key,
            )
        )  # fmt: skip
    own = row.text_input(
        "Or ask your own", key=OWN, bind="query-params", placeholder="Type a question and press Enter", width=320
    )
    # Typed text wins over the set: it is the later wish.
    return Example(FREE, own.strip()) if own and own.strip() else choice


def save_configuration(
    project: Project,
    configuration: Configuration,
    place: str = "",
    name_hint: str = "",
    parent: Configuration | None = None,
) -> None:
    """Save with one click; the side shows the saved one from then on."""
    name = save_as_new(project, configuration, name_hint, parent)
    # Without a place nothing on the page was changed, as where a part was left out.
    if place:
        set_changes(place, {})
        st.session_state[place] = name
    notify(f"{name} saved as a configuration.")


def describe_differences(sides: Sequence[Side]) -> list[str]:
    """In what the retrieval of two sides differs, in words."""
    specs = [side.configuration.retrieval for side in sides]
    if len(specs) < 2 or specs[0] is None or specs[1] is None:
        return []
    return difference_lines(specs[0], specs[1])
