"""Where API keys come from: typed into this session, `.streamlit/secrets.toml`, or the environment, in this order."""

from __future__ import annotations

import os
from collections.abc import Mapping

import streamlit as st

from llmopt_core.models.endpoints import Endpoint, endpoints_from
from llmopt_core.settings import Settings
from llmopt_ui.session import state


def environment() -> dict[str, str]:
    """The environment variables, with the texts of the secrets file beneath them."""
    try:
        # Sections of the file are tables, not texts; they belong to Streamlit or to other apps.
        secrets = {name: value for name, value in st.secrets.items() if isinstance(value, str)}
    # What Streamlit raises where there is no secrets file, which is the usual case.
    except FileNotFoundError:
        secrets = {}
    # The environment wins: who starts the app with another key means that one.
    return {**secrets, **os.environ}


def endpoints(settings: Settings) -> dict[str, Endpoint]:
    """Every endpoint by name."""
    return endpoints_from(settings, environment())


def key_of(endpoint: Endpoint, environ: Mapping[str, str] | None = None) -> str:
    """The endpoint's key; empty where there is none."""
    variables = environment() if environ is None else environ
    return state().keys.get(endpoint.name) or variables.get(endpoint.api_key_env, "")


def keys_of(endpoints: Mapping[str, Endpoint]) -> dict[str, str]:
    """The keys of those endpoints that have one."""
    environ = environment()
    return {name: key for name, endpoint in endpoints.items() if (key := key_of(endpoint, environ))}
