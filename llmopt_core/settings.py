"""Environment -> one Settings object."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import platformdirs
from pydantic import Field, ValidationError, field_validator

from llmopt_core.errors import BadInput, field_problem
from llmopt_core.telemetry import silence_telemetry
from llmopt_core.types import Spec

__all__ = ["Settings", "silence_telemetry"]


class Settings(Spec):
    """What the environment decides.

    Attributes:
        home: The workspace folder (`LLMOPT_HOME`): database, indexes, uploads, models made at first use.
        database_url: SQLAlchemy URL (`LLMOPT_DATABASE_URL`); by default SQLite inside `home`.
        chroma_url: A Chroma server (`LLMOPT_CHROMA_URL`); by default Chroma runs embedded inside `home`.
        builtin_gguf: A GGUF that takes the built-in chat model's place (`LLMOPT_BUILTIN_GGUF`).
        endpoints_file: YAML file of further endpoints (`LLMOPT_ENDPOINTS`).
        threads: CPU threads for the built-in models (`LLMOPT_THREADS`).
    """

    home: Path
    database_url: str = ""
    chroma_url: str = ""
    builtin_gguf: Path | None = None
    endpoints_file: Path | None = None
    threads: int = Field(default=2, ge=1)

    @field_validator("home")
    @classmethod
    def _absolute(cls, home: Path) -> Path:
        return home.expanduser().absolute()

    @property
    def database(self) -> str:
        """The database URL in force."""
        return self.database_url or f"sqlite:///{self.home / 'llmopt.db'}"

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read `LLMOPT_*` variables.

        Raises:
            BadInput: One of them makes no sense; names it.
        """
        env = os.environ if environ is None else environ
        # An empty variable (`LLMOPT_HOME=` in a compose file) means that it is not set.
        values: dict[str, Any] = {name: env[variable] for name, variable in _VARIABLES.items() if env.get(variable)}
        defaults = {"home": platformdirs.user_data_dir("llmopt"), "threads": os.cpu_count() or 2}
        try:
            return cls.model_validate(defaults | values)
        except ValidationError as error:
            # One at a time: people correct one variable after the other anyway.
            first = error.errors(include_url=False)[0]
            variable = _VARIABLES[str(first["loc"][0])]
            raise BadInput(
                f"{variable} is {first['input']!r}: it {field_problem(first).partition(', not ')[0]}."
            ) from error


_VARIABLES = {
    "home": "LLMOPT_HOME",
    "database_url": "LLMOPT_DATABASE_URL",
    "chroma_url": "LLMOPT_CHROMA_URL",
    "builtin_gguf": "LLMOPT_BUILTIN_GGUF",
    "endpoints_file": "LLMOPT_ENDPOINTS",
    "threads": "LLMOPT_THREADS",
}
