"""What is said of an endpoint's embedding models in Settings: prefixes and window. Prices stand among the others."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from llmopt_core.errors import BadInput
from llmopt_core.models.endpoint_file import save_endpoint
from llmopt_core.models.endpoints import EmbeddingModel, Endpoint
from llmopt_ui.components import show_errors
from llmopt_ui.model_choice import sure_embedding_models_of
from llmopt_ui.resources import settings
from llmopt_ui.session import notify
from llmopt_ui.tables import table_editor

_MODEL, _QUERY, _PASSAGE, _WINDOW = "Model", "Before a question", "Before a passage", "Window"
_HELP = (
    "An endpoint does not tell what its embedding models want written before questions and passages, or how much they "
    "read. For models of known names (e5, bge, nomic …) an empty cell means what their makers say; for others "
    "nothing is written and 8,191 tokens are taken to be read."
)


def embedding_models_form(endpoint: Endpoint) -> None:
    """A table of the endpoint's embedding models, folded away."""
    with st.expander("Embedding models", icon=":material/data_array:", expanded=bool(endpoint.embeddings)):
        st.caption(_HELP)
        rows: list[tuple[str | int | None, ...]] = [
            (name, model.query_prefix, model.passage_prefix, model.window)
            for name, model in endpoint.embeddings.items()
        ]
        # Models that surely embed stand there to be filled in; so does one empty row where none is known.
        usual_models = [name for name in sure_embedding_models_of(endpoint.name) if name not in endpoint.embeddings]
        rows += [(name, None, None, None) for name in usual_models]
        rows = rows or [(None, None, None, None)]
        columns = [_MODEL, _QUERY, _PASSAGE, _WINDOW]
        # Types that can be empty: columns of None alone would become objects, which the editor cannot offer fields
        # for, and numbers with gaps would become floats.
        table = pd.DataFrame(rows, columns=columns).astype(
            {_MODEL: "string", _QUERY: "string", _PASSAGE: "string", _WINDOW: "Int64"}
        )
        with st.form(f"endpoint_embeddings_{endpoint.name}", border=False):
            entries_table = table_editor(
                table,
                num_rows="dynamic",
                key=f"endpoint_embedding_table_{endpoint.name}",
                column_config={
                    _MODEL: st.column_config.TextColumn(width=200),
                    _WINDOW: st.column_config.NumberColumn(min_value=1, step=1, help="Tokens it reads"),
                },
            )
            save = st.form_submit_button("Save embedding models")
        if save:
            with show_errors():
                entries = embedding_models_from(entries_table)
                # Rows that were only offered and left as they were say nothing and are not saved.
                changes = {
                    name: one for name, one in entries.items() if name not in usual_models or one != EmbeddingModel()
                }
                save_endpoint(settings(), endpoint.model_copy(update={"embeddings": changes}))
                notify(f"Embedding models of {endpoint.name} saved.")
                st.rerun()


def embedding_models_from(table: pd.DataFrame) -> dict[str, EmbeddingModel]:
    """The models that were typed; rows without a name are left out.

    Raises:
        BadInput: A window is no number of tokens.
    """
    entries: dict[str, EmbeddingModel] = {}
    for row in table.to_dict("records"):
        name = "" if pd.isna(row[_MODEL]) else str(row[_MODEL]).strip()
        if not name:
            continue
        # None is "what the makers say", an empty text is "nothing": they are not the same.
        query, passage, cell = (None if pd.isna(row[key]) else row[key] for key in (_QUERY, _PASSAGE, _WINDOW))
        window = None if cell is None else int(cell)
        # Far above any model: it only catches what is a slip of the finger.
        if window is not None and not 1 <= window <= 10_000_000:
            raise BadInput(f"The window of {name} is {window}; it is a number of tokens from 1.")
        entries[name] = EmbeddingModel(query_prefix=query, passage_prefix=passage, window=window)
    return entries
