"""Telemetry of the dependencies, switched off. Imports nothing heavy: every start of the program reads it first."""

from __future__ import annotations

import os

# Read when the dependency is first imported. Ragas accepts only the word "true".
_SILENT = {
    "RAGAS_DO_NOT_TRACK": "true",
    "ANONYMIZED_TELEMETRY": "False",
    "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_OFFLINE": "1",
    "DO_NOT_TRACK": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    "LANGSMITH_TRACING": "false",
    "OTEL_SDK_DISABLED": "true",
    "TOKENIZERS_PARALLELISM": "false",
}


def silence_telemetry() -> None:
    """Switch off the telemetry and hub look-ups of every dependency, unless the user set the switch themselves."""
    for name, value in _SILENT.items():
        # What the user has set wins, also where that is "on".
        os.environ.setdefault(name, value)
