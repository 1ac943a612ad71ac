"""What all sessions share: settings, the store, the job runner. Each is safe to use from many threads."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import streamlit as st

from llmopt_core.runs.store import Store
from llmopt_core.settings import Settings
from llmopt_ui.endpoint_file import all_endpoints
from llmopt_ui.session import state

if TYPE_CHECKING:
    from llmopt_core.experiments.jobs import JobRunner
    from llmopt_core.models.registry import Models


@st.cache_resource(show_spinner=False)
def settings() -> Settings:
    """What the environment decides, read once."""
    return Settings.from_environment()


@st.cache_resource(show_spinner="Opening the workspace …")
def store() -> Store:
    """The workspace's store. On the first start the sample project is put in."""
    opened = Store.open(settings())
    if not opened.projects():
        from llmopt_core.experiments.sample import install_sample

        install_sample(opened)
    return opened


@st.cache_resource(show_spinner=False)
def job_runner() -> JobRunner:
    """Runs long work in threads of this process."""
    from llmopt_core.experiments.jobs import JobRunner

    return JobRunner(store(), settings())


model_plugins: list[Callable[[Models], None]] = []
"""Called with every `Models` that is made: a place to register models of your own, as the tests do."""


def models(keys: Mapping[str, str] | None = None) -> Models:
    """The models of this session, with the keys that were typed into it. Cheap; one per event loop."""
    from llmopt_core.models.registry import Models

    found = state().keys if keys is None else keys
    made = Models(settings(), cache=store().cache, endpoints=all_endpoints(settings(), os.environ), keys=dict(found))
    for plug_in in model_plugins:
        plug_in(made)
    return made
