"""`llmopt app`: the app in a browser, from a checkout or an installed wheel."""

from __future__ import annotations

from typing import Annotated

import typer

_PATH_PART = r"(?!\.+$)[A-Za-z0-9._~-]+"
"""What stands in a path of a URL as it is, without being encoded; `.` and `..` would lead elsewhere."""


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
    import re
    import sys

    from llmopt_core.errors import BadInput
    from llmopt_core.installation import app_file

    base_path = base_path.strip("/")
    if base_path and not all(re.fullmatch(_PATH_PART, part) for part in base_path.split("/")):
        raise BadInput(
            f"--base-path {base_path!r}: expected names of letters, digits and - _ . ~ with / between them, "
            "such as tools/llmopt."
        )
    options = {"server.port": str(port), "server.address": address, "server.baseUrlPath": base_path}
    # An empty base path is Streamlit's default, and needs no option.
    arguments = [f"--{name}={value}" for name, value in options.items() if value]
    # This interpreter and its packages, not whatever `streamlit` comes first on the path.
    command = [sys.executable, "-m", "streamlit", "run", str(app_file()), *arguments]
    # Arguments go as a list, so no shell reads the base path or the address.
    os.execv(sys.executable, command)  # noqa: S606
