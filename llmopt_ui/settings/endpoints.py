"""Endpoints in Settings: one card each, with test, key and prices; and a form that adds one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st
from pydantic import ValidationError

from llmopt_core.errors import BadInput, LlmOptError, field_problem
from llmopt_core.execution.event_loop import run_in_loop
from llmopt_core.models.base import BUILTIN
from llmopt_core.models.endpoint_file import delete_endpoint, save_endpoint
from llmopt_core.models.endpoints import Endpoint, load_endpoints
from llmopt_core.models.model_lists import model_lists_of
from llmopt_core.models.prices import Prices
from llmopt_core.types import fingerprint
from llmopt_ui import format as fmt
from llmopt_ui.components import section, show_error, show_errors, side_by_side
from llmopt_ui.keys import endpoints, environment, key_of
from llmopt_ui.model_choice import ask_all
from llmopt_ui.resources import settings
from llmopt_ui.session import notify, report_problem, state
from llmopt_ui.settings.edit_endpoint import edit_form
from llmopt_ui.settings.embedding_models import embedding_models_form
from llmopt_ui.tables import table_editor

if TYPE_CHECKING:
    from llmopt_core.models.probe import EndpointReport

ADD = "endpoint_add"
NAME, URL, KEY_VARIABLE, MODEL = "endpoint_name", "endpoint_url", "endpoint_key_variable", "endpoint_model"


def endpoints_view() -> None:
    """Every endpoint, then the form for another."""
    section("Where models answer")
    with st.container(border=True):
        st.markdown(f"**{BUILTIN}** :gray[this machine, no key, free]")
        st.caption("The built-in chat model. See the tab Built-in models for what it can do.")
    own_endpoints = load_endpoints(settings())
    # All at once and before the cards: each card needs its endpoint's list, and asked one by one their waits would
    # add up.
    ask_all()
    for name, endpoint in endpoints(settings()).items():
        if name != BUILTIN:
            # Endpoints from the file of LLMOPT_ENDPOINTS or built into the program cannot be removed here.
            _card(endpoint, removable=name in own_endpoints)
    with st.expander("Add an endpoint", icon=":material/add:", expanded=len(own_endpoints) == 0):
        _add_form()


def _card(endpoint: Endpoint, *, removable: bool) -> None:
    name = endpoint.name
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(f"**{fmt.markdown(name)}** :gray[{fmt.markdown(endpoint.base_url)}]", width="content")
            with st.container(horizontal=True, width="content", gap="small"):
                test = st.button("Test", key=f"endpoint_test_{name}", icon=":material/network_check:")
                if removable:
                    with st.popover("Remove …", type="tertiary"):
                        st.text(f"Remove {name} with its prices? Configurations that name it no longer run.")
                        st.button("Remove", key=f"endpoint_remove_{name}", on_click=_remove, args=(name,))
        left, right = side_by_side([2, 3], f"endpoint_{fingerprint(name)}")
        with left:
            _key_field(endpoint)
        with right:
            _prices_form(endpoint)
        if test:
            with st.spinner("Asking for its models …"):
                state().endpoint_checks[name] = _check(endpoint)
        edit_form(endpoint)
        embedding_models_form(endpoint)
        _report(state().endpoint_checks.get(name))


def _key_field(endpoint: Endpoint) -> None:
    key_text = st.text_input(
        "Key for this session",
        type="password",
        key=f"endpoint_key_{endpoint.name}",
        placeholder="Kept until this browser tab closes; never stored",
        # Asks the browser not to keep the key as a password of this page.
        autocomplete="off",
    )
    # An empty field takes nothing away: it is empty again whenever this page was left and opened anew.
    if key_text:
        state().keys[endpoint.name] = key_text
    variable = endpoint.api_key_env
    if endpoint.name in state().keys:
        st.caption("Uses the key typed in this session.")
    # Only whether it is set is told, never what it holds.
    elif variable and environment().get(variable):
        st.caption(f"Uses the key in {variable}.")
    elif variable:
        st.caption(f"{variable} is not set. Set it before the start, or type a key here.")
    else:
        st.caption("No key is sent.")


def _prices_form(endpoint: Endpoint) -> None:
    # Without prices the table has the row that most people fill in: one price for all models.
    rows = [(model, price.prompt, price.completion) for model, price in endpoint.prices.items()] or [
        ("*", float("nan"), float("nan"))
    ]
    table = pd.DataFrame(rows, columns=["Model", "Prompt", "Completion"])
    with st.form(f"endpoint_prices_{endpoint.name}", border=False):
        st.markdown("Prices in USD per million tokens", help="A model named * stands for every other model.")
        price_table = table_editor(
            table,
            num_rows="dynamic",
            key=f"endpoint_price_table_{endpoint.name}",
            placeholder="not known",
            column_config={
                "Model": st.column_config.TextColumn(width=170),
                "Prompt": st.column_config.NumberColumn(min_value=0.0, format="%.3f", width=75),
                "Completion": st.column_config.NumberColumn(min_value=0.0, format="%.3f", width=95),
            },
            room=400,
        )
        for model, price in endpoint.prices.items():
            # Half a price comes from lists of services; an empty cell would not tell that it is no 0.
            if price.missing_price:
                st.caption(
                    fmt.markdown(f"{model}: the {price.missing_price} price is not known, so what it costs is not.")
                )
        if st.form_submit_button("Save prices"):
            with show_errors():
                save_endpoint(settings(), endpoint.model_copy(update={"prices": prices_from(price_table)}))
                notify(f"Prices of {endpoint.name} saved.")
                st.rerun()


def prices_from(table: pd.DataFrame) -> dict[str, Prices]:
    """The prices that were typed; rows without a model or without any price are left out.

    Raises:
        BadInput: One of two prices is empty, which is not known and not 0.
    """
    prices: dict[str, Prices] = {}
    for row in table.to_dict("records"):
        model, prompt, completion = (row[name] for name in ("Model", "Prompt", "Completion"))
        # An empty row at the end belongs to tables in which rows can be added.
        if pd.isna(model) or not str(model).strip() or (pd.isna(prompt) and pd.isna(completion)):
            continue
        if pd.isna(prompt) or pd.isna(completion):
            empty = "Prompt" if pd.isna(prompt) else "Completion"
            raise BadInput(f"{str(model).strip()}: the price under {empty} is empty; enter 0 where it costs nothing.")
        prices[str(model).strip()] = Prices(prompt=float(prompt), completion=float(completion))
    return prices


def _check(endpoint: Endpoint) -> EndpointReport | str:
    from llmopt_core.models.probe import check_endpoint

    try:
        report = run_in_loop(check_endpoint(endpoint, key_of(endpoint)))
    except LlmOptError as error:
        return str(error)
    # The test has just got the list, so nothing needs to ask for it again.
    model_lists_of(settings().home).keep(endpoint, report)
    return report


def _report(report: Any) -> None:
    if report is None:
        return
    if isinstance(report, str):
        show_error(report)
        return
    if not report.ok:
        show_error(report.message)
        return
    st.markdown(f":green[:material/check_circle:] {fmt.markdown(report.message)}")
    for model, day in report.shutdowns.items():
        st.caption(f":orange[{fmt.markdown(model)} is switched off on {fmt.markdown(day)}.]")
    if report.models:
        st.text(
            # Some services list hundreds; a dozen show that the answer makes sense.
            f"{fmt.plural(len(report.models), 'model')}: {', '.join(report.models[:12])}"
            + (" …" if len(report.models) > 12 else "")
        )


def _add_form() -> None:
    turn = state().forms
    with st.form(ADD, border=False):
        left, right = st.columns(2, gap="medium")
        name = left.text_input("Name", key=f"{NAME}_{turn}", placeholder="ollama")
        url = right.text_input("Base URL", key=f"{URL}_{turn}", placeholder="http://127.0.0.1:11434/v1")
        variable = left.text_input(
            "Variable that holds its key", key=f"{KEY_VARIABLE}_{turn}", placeholder="Empty if it needs none"
        )
        model = right.text_input("Default model", key=f"{MODEL}_{turn}", placeholder="llama3.1:8b")
        submit = st.form_submit_button("Add endpoint", type="primary")
    if not submit:
        return
    values = {"name": name, "base_url": url, "api_key_env": variable, "default_model": model}
    with show_errors():
        endpoint = endpoint_from({field: (value or "").strip() for field, value in values.items()})
        save_endpoint(settings(), endpoint)
        state().forms += 1
        notify(f"Endpoint {endpoint.name} added.")
        st.rerun()


def endpoint_from(values: Mapping[str, str]) -> Endpoint:
    """The endpoint that a form describes.

    Raises:
        BadInput: A value is missing or wrong.
    """
    if values["name"] == BUILTIN:
        raise BadInput(f"The name {BUILTIN} is taken by the embedded model; choose another.")
    if not values["base_url"]:
        raise BadInput("An endpoint needs a base URL, such as http://127.0.0.1:11434/v1.")
    try:
        return Endpoint.model_validate(dict(values))
    except ValidationError as error:
        # One mistake at a time, named as the form names its fields; Pydantic's own text has URLs and types that say
        # nothing here.
        first = error.errors(include_url=False)[0]
        where = {
            "name": "Name", "base_url": "Base URL", "api_key_env": "Variable that holds its key",
            "default_model": "Default model",
        }  # fmt: skip
        raise BadInput(f"{where.get(str(first['loc'][0]), first['loc'][0])}: {field_problem(first)}.") from None


def _remove(name: str) -> None:
    with report_problem():
        delete_endpoint(settings(), name)
        # A key must not go to another endpoint that is added under the same name.
        state().keys.pop(name, None)
        state().endpoint_checks.pop(name, None)
        notify(f"Endpoint {name} removed.")
