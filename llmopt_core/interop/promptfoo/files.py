"""promptfoo files in a project: an import becomes prompts, an evaluation set and a comparison to run; and back."""

from __future__ import annotations

import fnmatch
import posixpath
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any
from zipfile import ZipFile

from llmopt_core.documents import limits
from llmopt_core.documents.container import (
    check_path,
    check_unpacked_size,
    list_files,
    name_fault,
    open_zip,
    read_member,
)
from llmopt_core.errors import BadInput
from llmopt_core.evaluation.assertions.columns import EXAMPLE_COLUMN
from llmopt_core.experiments.comparison import Comparison
from llmopt_core.experiments.comparison_plan import MOST_REPEATS, MOST_VARIANTS
from llmopt_core.experiments.comparison_setup import Setup, VariantSetup
from llmopt_core.experiments.versions.prompts import save_prompt
from llmopt_core.interop.promptfoo.exporter import PromptfooExport, explain_unsupported_parts, export_promptfoo
from llmopt_core.interop.promptfoo.importer import NotRun, PromptfooImport, import_promptfoo
from llmopt_core.models.endpoints import Endpoint
from llmopt_core.prompts.spec import PromptSpec
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import Project
from llmopt_core.text.free_names import free_name
from llmopt_core.types import EvaluationSet

_CONFIGS = ("promptfooconfig.yaml", "promptfooconfig.yml", "promptfooconfig.json")
# Paths with a folder in any text of the configuration: `file://data/a.csv`, `prompts/*.txt`. The sign before it must
# not be part of a path, so a path is tried from its beginning alone, and only once.
_REFERENCE = re.compile(r"""(?<![\w.@*-])(?:file://)?([\w.@*-][\w.@/*-]*/[\w.@*?-]+)""")
# Together, unpacked; a configuration and its tables are rarely a hundredth of it.
_MOST_BYTES = 50 * limits.MEGABYTE
_JOINT = " · "


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What an import became in a project.

    Attributes:
        setup: The comparison, ready to be run.
        prompts: Names of the saved prompts.
        omissions: Variants beyond what is compared at once.
        endpoints: Those the file says the place of, to be added where they are not known.
        not_run: Prompts, providers and tests that are not run, with the reasons.
    """

    setup: Setup
    prompts: tuple[str, ...]
    tests: int
    omissions: tuple[str, ...]
    endpoints: tuple[Endpoint, ...]
    not_run: tuple[NotRun, ...]
    warnings: tuple[str, ...]


def import_uploads(files: Mapping[str, bytes], name: str = "") -> PromptfooImport:
    """Read an uploaded configuration with the files it names.

    Args:
        files: By name: the configuration and what it refers to, or one zip of all. Where a browser has lost the folder
            of a file, it is put where the configuration looks for it.
        name: What the evaluation set is called; by default the configuration's folder or file.

    Raises:
        BadInput: No configuration is among them, or it is broken; a file has an unsafe name or is too large.
    """
    members = _unzip(files)
    config = _config_of(members)
    placed_files = _place(members, config)
    with tempfile.TemporaryDirectory() as folder:
        # Resolved, since the system's temporary folder may be a link, and paths are compared with it.
        root = Path(folder).resolve()
        for member, data in placed_files.items():
            _write(root / member, member, data)
        # The folder's name tells more than `promptfooconfig`, which every file is called.
        title = PurePosixPath(config).parent.name or PurePosixPath(config).stem.replace("promptfooconfig", "promptfoo")
        try:
            return _without(str(root), import_promptfoo(root / config, root, name or title))
        except BadInput as error:
            # `from None`: the chain would show the temporary folder that the message leaves out.
            raise BadInput(_without_root(str(root), str(error))) from None


def _write(path: Path, member: str, data: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        # Too long for this file system, or the name of a file and of a folder at once.
        raise BadInput(f"{member[:80]!r} cannot be unpacked ({error.strerror}): rename the file.") from error


def adopt(store: Store, project: Project | str, promptfoo: PromptfooImport) -> ImportResult:
    """Save an import's prompts and tests in a project, and give the comparison that runs them."""
    names = _prompt_names(promptfoo)
    versions = {
        name: save_prompt(store, project, name, spec, "Imported from promptfoo") for name, spec in names.items()
    }
    # By content: two configurations with the same prompt get the same saved version.
    by_spec = {spec.fingerprint: f"{name}@{versions[name].number}" for name, spec in names.items()}
    store.save_evaluation_set(project, promptfoo.evaluation_set)
    variants = [VariantSetup(prompt=by_spec[c.prompt.fingerprint], model=c.model) for c in promptfoo.configurations]
    setup = Setup(
        variants=tuple(variants[:MOST_VARIANTS]),
        set_name=promptfoo.evaluation_set.name,
        take="all",
        judge=promptfoo.judge,
        repeats=min(promptfoo.repeat, MOST_REPEATS),
    )
    return ImportResult(
        setup,
        tuple(names),
        len(promptfoo.evaluation_set.examples),
        tuple(c.name for c in promptfoo.configurations[MOST_VARIANTS:]),
        tuple(promptfoo.endpoints.values()),
        promptfoo.not_run,
        promptfoo.warnings,
    )


def export_comparison(
    comparison: Comparison, rows: EvaluationSet, endpoints: Mapping[str, Endpoint]
) -> PromptfooExport:
    """A comparison as the text of a `promptfooconfig.yaml`, and what could not be said in it.

    Args:
        comparison: The comparison.
        rows: Its rows.
        endpoints: By name, for their base URLs.

    Raises:
        BadInput: promptfoo can do none of its variants.
    """
    export = export_promptfoo(comparison.variants, rows, comparison.judge, endpoints, comparison.assertions)
    lines = [
        f"Compared in the LLM Optimization Playground: {comparison.title}",
        *(f"Left out: {why}" for why in export.omissions),
    ]
    # A title of several lines would end the YAML comment and break the file.
    head = "".join(f"# {' '.join(line.split())}\n" for line in lines)
    return replace(export, text=head + export.text)


def exportable(comparison: Comparison, endpoints: Mapping[str, Endpoint]) -> str:
    """Why promptfoo can do none of the variants; empty where it can do some."""
    reasons = explain_unsupported_parts(comparison.variants, endpoints)
    if len(reasons) < len(comparison.variants):
        return ""
    return "; ".join(dict.fromkeys(why.rstrip(".") for why in reasons.values()))


def _without_root(root: str, text: str) -> str:
    """A message without the folder in which the uploads lay for a moment."""
    # The messages of `references.Folder`; a path in them would name a folder that is gone.
    message = re.sub(rf"; it was looked for in {re.escape(root)}[^,;]*\.", " among the uploaded files.", text)
    message = re.sub(rf"No file in {re.escape(root)}\S* matches", "No uploaded file matches", message)
    return message.replace(f"{root}/", "").replace(root, "the uploaded files")


def _without(root: str, promptfoo: PromptfooImport) -> PromptfooImport:
    """The import without that folder in what it says of itself."""
    not_run = tuple(replace(e, reasons=tuple(_without_root(root, why) for why in e.reasons)) for e in promptfoo.not_run)
    examples = []
    for example in promptfoo.evaluation_set.examples:
        assertions = [_is_without(root, assertion) for assertion in example.variables.get(EXAMPLE_COLUMN, ())]
        own = {**example.variables, EXAMPLE_COLUMN: assertions} if assertions else example.variables
        examples.append(replace(example, variables=own))
    rows = EvaluationSet(promptfoo.evaluation_set.name, tuple(examples))
    warnings = tuple(_without_root(root, warning) for warning in promptfoo.warnings)
    return replace(promptfoo, not_run=not_run, evaluation_set=rows, warnings=warnings)


def _is_without(root: str, assertion: dict[str, Any]) -> dict[str, Any]:
    value = assertion.get("value")
    if assertion.get("type") != "unsupported" or not isinstance(value, dict):
        return assertion
    return {**assertion, "value": {**value, "reason": _without_root(root, str(value.get("reason", "")))}}


def _prompt_names(promptfoo: PromptfooImport) -> dict[str, PromptSpec]:
    """Each distinct prompt under the name that its configurations have before their provider's."""
    # With one model the names of configurations are those of prompts.
    has_several = len({_JOINT.join(c.name.split(_JOINT)[1:]) for c in promptfoo.configurations}) > 1
    names: dict[str, PromptSpec] = {}
    for configuration in promptfoo.configurations:
        if configuration.prompt in names.values():
            continue
        name = configuration.name.rpartition(_JOINT)[0] if has_several and _JOINT in configuration.name else ""
        # "@" stands between a prompt's name and its version.
        names[free_name((name or configuration.name).replace("@", " at "), names)] = configuration.prompt
    return names


def _unzip(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Uploads with zips opened, by path."""
    members: dict[str, bytes] = {}
    for name, data in files.items():
        if name.lower().endswith(".zip"):
            members.update(_members(name, open_zip(name, data)))
        else:
            # A name such as ../../etc/x, from a zip or a crafted upload, must not leave the folder.
            check_path(name, name)
            members[name.replace("\\", "/")] = data
    # Looked at again, because several uploads add up.
    if sum(map(len, members.values())) > _MOST_BYTES:
        raise BadInput(f"The files hold more than {limits.megabytes(_MOST_BYTES)}; upload those that are used.")
    return members


def _members(name: str, archive: ZipFile) -> dict[str, bytes]:
    # By the sizes that the archive states, before anything is unpacked; `read_member` holds it to them.
    check_unpacked_size(name, archive, _MOST_BYTES)
    members: dict[str, bytes] = {}
    for path, member in list_files(name, archive):
        # macOS puts a shadow of every file there.
        if path.startswith("__MACOSX/"):
            continue
        if fault := name_fault(path):
            raise BadInput(f"{name} cannot be unpacked: {fault}.")
        members[path] = read_member(name, archive, member, _MOST_BYTES)
    return members


def _config_of(files: Mapping[str, bytes]) -> str:
    """The configuration among the files: by its name, else the only YAML file that has prompts."""
    # The one nearest to the top: an archive of a project may hold examples with configurations of their own.
    candidates = sorted(
        (path for path in files if PurePosixPath(path).name in _CONFIGS), key=lambda p: (p.count("/"), p)
    )
    if candidates:
        return candidates[0]
    # Two files of that kind, and nobody knows which one is meant.
    prompt_files = [path for path, data in files.items() if path.endswith((".yaml", ".yml")) and b"prompts:" in data]
    if len(prompt_files) == 1:
        return prompt_files[0]
    raise BadInput("No promptfooconfig.yaml is among the files; upload it with the files it names, or a zip of all.")


# A browser uploads files without their folders, but the configuration names them with.
def _place(files: Mapping[str, bytes], config: str) -> dict[str, bytes]:
    """The files, those without a folder also where the configuration, or a file that it names, looks for them."""
    placed_files, waiting, paths = dict(files), [config], {config}
    while waiting:
        file = waiting.pop()
        for target in _targets(placed_files[file].decode("utf-8", "replace"), file):
            for place in _places(target, files, config):
                # `setdefault`: a file that was uploaded in its place wins.
                placed_files.setdefault(place, files[PurePosixPath(place).name])
            matches = [place for place in placed_files if fnmatch.fnmatch(place, target) and place not in paths]
            for place in matches:
                paths.add(place)
                # YAML files name further files; what is read once is not read again, so a circle ends.
                waiting += [place] if place.endswith((".yaml", ".yml")) else []
    return placed_files


def _targets(text: str, at: str) -> Iterator[str]:
    """Where a file looks for those that it names, but outside of what was uploaded."""
    for reference in _REFERENCE.findall(text):
        target = posixpath.normpath(str(PurePosixPath(at).parent / reference))
        # Outside of the upload nothing is looked for, and nothing is written.
        if not target.startswith(("../", "/")):
            yield target


def _places(target: str, files: Mapping[str, bytes], config: str) -> list[str]:
    """The paths by which uploads without a folder are what is looked for; several where it is a pattern."""
    folder, name = posixpath.split(target)
    names = [base for base in files if "/" not in base and base != config]
    bases = fnmatch.filter(names, name) if any(mark in name for mark in "*?[") else [name] if name in names else []
    return [posixpath.join(folder, base) for base in bases]


def not_run_rows(entries: Sequence[NotRun]) -> list[dict[str, str]]:
    """What is not run, one row per reason."""
    return [{"What": e.kind, "Name": e.name, "Not supported": why} for e in entries for why in e.reasons]
