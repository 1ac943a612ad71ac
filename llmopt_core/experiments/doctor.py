"""Is everything there that the program needs? Each finding says what is and, where something is missing, the fix."""

from __future__ import annotations

import asyncio
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

from llmopt_core.errors import LlmOptError, StorageError
from llmopt_core.experiments.experiment import list_configurations
from llmopt_core.models import weight_packages
from llmopt_core.models.base import BUILTIN, ChatRequest, ModelSpec
from llmopt_core.models.endpoints import Endpoint, endpoints_from
from llmopt_core.models.registry import Models
from llmopt_core.runs.store import Store
from llmopt_core.settings import Settings
from llmopt_core.types import Message

DISTRIBUTION = "llm-optimization-playground"
_INSTALL = "make install, or: pip install -e ."
# Room for the rewritten weights, an index and the database of a small project.
_NEEDED_BYTES = 1_000_000_000
# The first start rewrites the built-in model's weights.
_MODEL_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `missing` keeps the program from working, a `warning` only a part of it."""

    name: str
    status: Literal["ok", "warning", "missing"]
    detail: str
    fix: str = ""


async def examine(environ: Mapping[str, str], *, models: bool = True) -> list[Finding]:
    """Look at everything, in the order of a set-up.

    Args:
        environ: The environment variables.
        models: Whether to call the built-in model and the endpoints, which takes seconds.
    """
    # All stored values are read, which takes its time.
    findings, settings = await asyncio.to_thread(_look_around, environ)
    if settings is None or not models:
        return findings
    return findings + await _models(settings, environ)


def _look_around(environ: Mapping[str, str]) -> tuple[list[Finding], Settings | None]:
    findings = [_python(), *_packages(), *_model_files(), _browser(environ)]
    try:
        settings = Settings.from_environment(environ)
    except LlmOptError as error:
        return [*findings, Finding("settings", "missing", str(error), "correct the variable, or unset it")], None
    findings += [_workspace(settings), _database(settings), *_check_values(settings), _disk(settings)]
    return findings, settings


def _python() -> Finding:
    version = platform.python_version()
    # What the packages that it stands on have been tried with; a newer Python may lack their binary wheels.
    if (3, 11) <= sys.version_info[:2] <= (3, 13):
        return Finding("python", "ok", f"{version} at {sys.executable}")
    return Finding("python", "missing", f"{version} is not supported", "use Python 3.11, 3.12 or 3.13")


def _packages() -> Iterator[Finding]:
    from packaging.requirements import Requirement

    try:
        requirements = [Requirement(text) for text in metadata.requires(DISTRIBUTION) or ()]
    # Run from a folder of the source that was never installed: what it needs is not known either.
    except metadata.PackageNotFoundError:
        yield Finding("packages", "missing", f"{DISTRIBUTION} is not installed in this environment", _INSTALL)
        return
    # What belongs to no extra: the program itself does not need the others.
    core_requirements = [one for one in requirements if one.marker is None or one.marker.evaluate({"extra": ""})]
    problems = [problem for one in core_requirements if (problem := _problem(one.name, one))]
    if problems:
        yield Finding("packages", "missing", "; ".join(problems), _INSTALL)
    else:
        yield Finding("packages", "ok", f"all {len(core_requirements)} are installed in fitting versions")


def _problem(name: str, requirement: object) -> str:
    from packaging.requirements import Requirement

    if not isinstance(requirement, Requirement):
        return ""
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        return f"{name} is not installed"
    # A release candidate that somebody has installed on purpose would fit no range otherwise.
    fits = requirement.specifier.contains(version, prereleases=True)
    return "" if fits else f"{name} {version} does not fit {requirement.specifier}"


def _model_files() -> Iterator[Finding]:
    files: tuple[tuple[str, Callable[[], Path]], ...] = (
        ("built-in chat model", weight_packages.chat_gguf),
        ("built-in embedding model", weight_packages.embedding_folder),
    )
    for name, find in files:
        try:
            yield Finding(name, "ok", str(find()))
        except LlmOptError as error:
            yield Finding(name, "missing", str(error), _INSTALL)


def _browser(environ: Mapping[str, str]) -> Finding:
    names = (environ.get("LLMOPT_CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome")
    executable = next((path for name in names if name and (path := shutil.which(name))), "")
    if executable or Path("/Applications/Google Chrome.app").exists():
        return Finding("browser for the tests", "ok", executable or "Google Chrome")
    return Finding("browser for the tests", "warning", "no Chromium found; only browser tests need it", "make browser")


def _workspace(settings: Settings) -> Finding:
    try:
        settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Rights do not tell of a full disk or a read-only mount; only writing does.
        with tempfile.TemporaryFile(dir=settings.home):
            pass
    except OSError as error:
        fix = "set LLMOPT_HOME to a folder you may write to"
        return Finding("workspace", "missing", f"{settings.home} cannot be written ({error.strerror})", fix)
    return Finding("workspace", "ok", str(settings.home))


def _database(settings: Settings) -> Finding:
    try:
        store = Store.open(settings)
        projects = len(store.projects())
        store.close()
    except LlmOptError as error:
        return Finding("database", "missing", str(error), "see the message; LLMOPT_DATABASE_URL names another database")
    return Finding("database", "ok", f"{store.database.where}, {projects} projects")


def _check_values(settings: Settings) -> Iterator[Finding]:
    """What of all projects cannot be read back; records of runs, which are many, are left to who asks for them."""
    try:
        store = Store.open(settings)
        problems: list[str] = []
        for project in store.projects():
            store.documents(project)
            store.runs(project)
            list_configurations(store, project)
            for item in store.evaluation_sets(project):
                # It is noted as unreadable all the same, and told below.
                with suppress(StorageError):
                    store.evaluation_set(project, item.name)
            problems += [f"{project.name}: {sentence}" for sentence in store.unreadable(project)]
        store.close()
    except LlmOptError:
        # The finding on the database says it.
        return
    if problems:
        more = f" (and {len(problems) - 1:,} more)" if len(problems) > 1 else ""
        yield Finding("stored values", "warning", problems[0] + more, "add what is damaged again, or delete it")


def _disk(settings: Settings) -> Finding:
    # The workspace may not be there yet: the disk is that of the nearest folder above it that is.
    folder = next((path for path in (settings.home, *settings.home.parents) if path.exists()), Path("/"))
    free = shutil.disk_usage(folder).free
    if free < _NEEDED_BYTES:
        fix = "free some space, or set LLMOPT_HOME to another disk"
        return Finding("disk space", "warning", f"{free / 1e6:.0f} MB free at {folder}", fix)
    return Finding("disk space", "ok", f"{free / 1e9:.1f} GB free at {folder}")


async def _models(settings: Settings, environ: Mapping[str, str]) -> list[Finding]:
    try:
        endpoints = endpoints_from(settings, environ)
    except LlmOptError as error:
        return [Finding("endpoints", "missing", str(error), "correct the endpoints file")]
    others = [endpoint for name, endpoint in endpoints.items() if name != BUILTIN]
    findings = [_builtin(settings, endpoints), *(_endpoint(endpoint, environ) for endpoint in others)]
    # At once: an endpoint that does not answer takes its whole time limit.
    return list(await asyncio.gather(*findings))


async def _builtin(settings: Settings, endpoints: Mapping[str, Endpoint]) -> Finding:
    name = "built-in model answers"
    # One token shows that the weights load and answer; further ones would only take time.
    request = ChatRequest((Message("user", "Question: What is 1 + 1?\nAnswer:"),), ModelSpec(max_tokens=1))
    try:
        async with Models(settings, endpoints=endpoints) as models:
            completion = await asyncio.wait_for(models.chat(request.model).complete(request), _MODEL_SECONDS)
    except LlmOptError as error:
        return Finding(name, "missing", str(error), _INSTALL)
    except TimeoutError:
        return Finding(name, "missing", f"no answer in {_MODEL_SECONDS:.0f} s", "see whether the machine is busy")
    return Finding(name, "ok", f"in {completion.seconds:.2f} s")


async def _endpoint(endpoint: Endpoint, environ: Mapping[str, str]) -> Finding:
    from llmopt_core.models.probe import check_endpoint

    name = f"endpoint {endpoint.name}"
    variable = endpoint.api_key_env
    key = environ.get(variable, "") if variable else ""
    # Only a warning: a key may be typed into a session instead.
    if variable and not key:
        return Finding(name, "warning", f"{endpoint.base_url}: no key", f"set the environment variable {variable}")
    report = await check_endpoint(endpoint, key)
    if not report.ok:
        return Finding(name, "warning", report.message, f"check {endpoint.base_url} and its key")
    return Finding(name, "ok", f"{endpoint.base_url}, {len(report.models)} models, {report.seconds:.2f} s")
