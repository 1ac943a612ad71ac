"""Choosing one of an endpoint's models: from a list where there is one, else by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llmopt_core.models.embedding_names import names_that_embed
from llmopt_core.models.model_lists import ModelList, model_lists_of
from llmopt_ui import format as fmt
from llmopt_ui.keys import endpoints, key_of
from llmopt_ui.resources import settings

USUAL = "The endpoint's default"
# Of a page, once per endpoint: what comes later is there at the next click.
_WAIT_SECONDS = 1.0
"""An endpoint that is off must not hold the page up; its list comes with a later drawing."""


def models_of(endpoint: str, *, ask: bool = True) -> list[str]:
    """The models named in its settings, and those it lists."""
    spec = endpoints(settings()).get(endpoint)
    return list(dict.fromkeys([*(spec.models if spec else ()), *models_at(endpoint, ask=ask).models]))


def embedding_models_of(endpoint: str) -> list[str]:
    """Those to choose an embedding model from: all of them where nothing tells which ones embed."""
    return sure_embedding_models_of(endpoint) or models_of(endpoint)


def sure_embedding_models_of(endpoint: str) -> list[str]:
    """Those that embed: named as such in Settings, said so by the endpoint, or told by their names."""
    spec, names_there = endpoints(settings()).get(endpoint), models_at(endpoint)
    # `*` says that all models of the endpoint embed; it is no name to choose.
    names = [name for name in (spec.embeddings if spec else ()) if name != "*"]
    return list(dict.fromkeys([*names, *names_there.embedding, *names_that_embed(models_of(endpoint))]))


def models_at(endpoint: str, *, ask: bool = True) -> ModelList:
    """What an endpoint lists. It is asked beside other work; a page waits for it once at most, and not long.

    Args:
        endpoint: Its name.
        ask: Whether it may be asked; else the last list is all there is.
    """
    spec = endpoints(settings()).get(endpoint)
    if spec is None:
        return ModelList()
    lists = model_lists_of(settings().home)
    return lists.look_up(spec, key_of(spec), _WAIT_SECONDS) if ask else lists.find(spec)


def ask_all() -> None:
    """Ask every endpoint at once, so that a page that shows several waits for the slowest alone."""
    for spec in endpoints(settings()).values():
        # Without a time to wait: this only sends the questions off.
        model_lists_of(settings().home).look_up(spec, key_of(spec))


def shutdown_day(endpoint: str, model: str, *, ask: bool = True) -> str:
    """The day on which a model is switched off, as its endpoint says; else empty."""
    spec = endpoints(settings()).get(endpoint)
    return models_at(endpoint, ask=ask).shutdowns.get(model or (spec.default_model if spec else ""), "")


def shutdown_note(endpoint: str, model: str, *, ask: bool = True) -> str:
    """A line of Markdown that warns of a model that is switched off; empty where none is known."""
    day = shutdown_day(endpoint, model, ask=ask)
    return f":orange[:material/warning: It is switched off on {fmt.markdown(day)}.]" if day else ""


def model_choice(
    place: Any,
    endpoint: str,
    before: str,
    key: str,
    *,
    label: str = "Model",
    placeholder: str = USUAL,
    models: Sequence[str] | None = None,
    ask: bool = True,
    **more: Any,
) -> str:
    """The name of a model; empty for the endpoint's default.

    Args:
        place: Where it stands, such as a column.
        endpoint: Whose models are offered.
        before: The name as it was.
        key: Of the widget.
        label: Above it.
        placeholder: Shown where none is named.
        models: The models to choose from; all that are known by default.
        ask: Whether the endpoint may be asked what it has.
        more: For the widget.
    """
    models = models_of(endpoint, ask=ask) if models is None else models
    if not models:
        return (place.text_input(label, before, key=key, placeholder=placeholder, **more) or "").strip()
    # An option of text fields alone, which a select box would refuse.
    more.pop("live", None)
    name = place.selectbox(
        label,
        # A name that the endpoint lists no more is still what is saved, so it must stay a choice.
        list(dict.fromkeys([*([before] if before else []), *models])),
        0 if before else None,
        # A new endpoint is a new field: a model of the former one must not stay chosen.
        key=f"{key}_of_{endpoint}",
        accept_new_options=True,
        placeholder=placeholder,
        **more,
    )
    if note := shutdown_note(endpoint, name or "", ask=ask):
        place.caption(note)
    return str(name or "").strip()
