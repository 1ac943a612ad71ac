"""`llmopt app`: the app in a browser, from a checkout or an installed wheel."""

from __future__ import annotations

from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("app", help="Start the app and say its address.")(start_app)


def start_app(
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port it listens on.")] = 8501,
    address: Annotated[
        str, typer.Option(help="The address it listens on; anything but this machine's own opens it to others.")
    ] = "127.0.0.1",
    base_path: Annotated[str, typer.Option(help="The path below which a proxy serves it, such as tools/llmopt.")] = "",
) -> None:
    """Become Streamlit, so that whoever ends this process ends the app.

    The folder it is started from stays the current one, so that `.streamlit/secrets.toml` and relative paths are
    found there; the look comes from the app's own configuration.
    """
    import os
    import sys

    from llmopt_core.installed import app_file

    options = {"server.port": str(port), "server.address": address, "server.baseUrlPath": base_path}
    given = [f"--{name}={value}" for name, value in options.items() if value]
    command = [sys.executable, "-m", "streamlit", "run", str(app_file()), *given]
    os.execv(sys.executable, command)  # noqa: S606
