"""References from quotes in a question file, each shown with the place it was found at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from llmopt_core.runs.values import Project
from llmopt_core.types import EvaluationSet
from llmopt_ui import format as fmt
from llmopt_ui.question_upload import read_question_file, show_notes, show_omissions, upload_option_fields
from llmopt_ui.resources import store
from llmopt_ui.session import notify, state
from llmopt_ui.tables import data_table

if TYPE_CHECKING:
    from llmopt_core.documents.question_quotes import FoundQuote

UPLOAD, SAVE = "quotes_upload", "quotes_save"
EXAMPLE = (
    '{"question": "When was the harbour built?", "reference": "1712", "document": "harbour.md", '
    '"quote": "The harbour was built in 1712."}'
)


def quotes_view(project: Project) -> None:
    """A question file in, a table of matches out, then a set."""
    st.caption(
        "A question file may quote its answers instead of counting characters. Each quote is looked up in the "
        "documents: exactly, then with other white space, case and quotation marks, then nearly."
    )
    st.code(EXAMPLE, language="json", wrap_lines=True)
    file = st.file_uploader("Question file with quotes", type=["jsonl", "csv", "json"], key=f"{UPLOAD}_{state().forms}")
    beside = upload_option_fields(f"{UPLOAD}_{state().forms}")
    if file is None:
        return
    questions = read_question_file(project, file, UPLOAD, beside)
    if questions is None:
        return
    if questions.problems:
        st.markdown(f":orange[{fmt.plural(len(questions.problems), 'line')} left out]; the others are taken.")
        show_omissions(questions.problems)
    # What the tables on this page tell of each line needs no second telling in words.
    shown_below = ("was left out", "stands only nearly")
    show_notes([note for note in questions.notes if not any(words in note for words in shown_below)])
    near = sum(not quote.match.exact for quote in questions.quotes)
    several = sum(quote.match.places > 1 for quote in questions.quotes)
    st.markdown(
        f"**{fmt.plural(len(questions.evaluation_set.examples), 'question')}**, "
        f"{fmt.plural(len(questions.quotes), 'quote')} found"
        + (f", :orange[{near:,} of them only nearly]" if near else ", all of them exactly" if questions.quotes else "")
        + (f"; {several:,} stand in several places, the first is taken" if several else "")
        + "."
    )
    if questions.quotes:
        data_table(
            quote_table(questions.quotes, {one.id: one.question for one in questions.evaluation_set.examples}),
            column_config={
                "Match": st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1),
            },
            alt="Quotes and where they were found",
        )
    if st.button("Save as an evaluation set", key=SAVE, type="primary", icon=":material/save:"):
        _save(project, questions.evaluation_set)


def quote_table(quotes: Sequence[FoundQuote], questions: Mapping[str, str]) -> pd.DataFrame:
    """Each quote with what stands at the place it was resolved to, the least similar first.

    Args:
        quotes: Those of a question file.
        questions: The question by the id of its example.
    """
    rows = [
        {
            "Question": questions.get(quote.example_id, quote.example_id),
            "Match": quote.match.similarity,
            "Quote": quote.quote,
            "Stands there": quote.match.text,
            "Document": quote.match.span.document,
            "Places": quote.match.places,
        }
        # The least alike first: those are to be looked at before they are saved.
        for quote in sorted(quotes, key=lambda quote: quote.match.similarity)
    ]
    return pd.DataFrame(rows)


def _save(project: Project, questions: EvaluationSet) -> None:
    # A file without a name of its own; a set of that name gets a new version.
    stored_set = store().save_evaluation_set(project, EvaluationSet(questions.name or "questions", questions.examples))
    state().forms += 1
    notify(f"{stored_set.name}: {fmt.plural(stored_set.size, 'question')} saved.")
    st.rerun()
