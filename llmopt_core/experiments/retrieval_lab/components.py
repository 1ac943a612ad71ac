"""The parts of a configuration that can be left out."""

from __future__ import annotations

from llmopt_core.errors import BadInput
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.retrieval.ablate import variants


def components(configuration: Configuration, answers: bool = False) -> dict[str, Configuration]:
    """The configuration with each component left out, by a name such as `without bm25`.

    Raises:
        BadInput: It retrieves nothing.
    """
    if configuration.retrieval is None:
        raise BadInput(f"{configuration.name} has no retrieval; choose a configuration that looks things up.")
    found = {
        name: configuration.model_copy(update={"retrieval": spec, "name": _named(configuration, name)})
        for name, spec in variants(configuration.retrieval).items()
    }
    checks = configuration.checks
    if answers and checks is not None and checks.fact_check != "none":
        without = checks.model_copy(update={"fact_check": "none"})
        found["without fact check"] = _checked(configuration, without, "without fact check")
    if answers and checks is not None and checks.refuse_unsupported:
        without = checks.model_copy(update={"refuse_unsupported": False})
        found["without refusal"] = _checked(configuration, without, "without refusal")
    return found


def _named(configuration: Configuration, part: str) -> str:
    return f"{configuration.name} {part}"[:200]


def _checked(configuration: Configuration, checks: object, part: str) -> Configuration:
    return configuration.model_copy(update={"checks": checks, "name": _named(configuration, part)})
