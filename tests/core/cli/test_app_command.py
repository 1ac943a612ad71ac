"""An installed wheel starts the app and has the sample, from any folder."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.harness import free_port

from .conftest import ROOT, Command


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `pip install .` puts into site-packages."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    zipfile.ZipFile(next(folder.glob("*.whl"))).extractall(folder / "site")
    return folder / "site"


@pytest.fixture
def environment(site: Path, tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(site), "LLMOPT_HOME": str(tmp_path / "home")}


def test_the_wheel_has_the_app_and_the_sample(site: Path) -> None:
    for path in ("llmopt_ui/app/app.py", "llmopt_ui/app/pages/overview.py", "llmopt_ui/app/.streamlit/config.toml"):
        assert (site / path).is_file(), path
    sample = ROOT / "sample_data"
    for path in (p for p in sample.rglob("*") if p.is_file()):
        assert (site / "llmopt_core" / path.relative_to(ROOT)).read_bytes() == path.read_bytes()


def test_an_installed_wheel_finds_its_sample(environment: dict[str, str], tmp_path: Path, site: Path) -> None:
    code = """
from llmopt_core.experiments.sample import install_sample
from llmopt_core.labs.finetuning import sources
from llmopt_core.runs.store import Store
from llmopt_core.settings import Settings
project = install_sample(Store.open(Settings.from_environment()))
print(project.name, len(sources.general_questions().examples), sources.__file__)
"""
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert result.stdout.split()[0] == "sample"
    assert str(site) in result.stdout


@pytest.fixture
def address(environment: dict[str, str], tmp_path: Path) -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-m", "llmopt_core.cli", "app", "--port", str(port), "--base-path", "tools/llmopt"]
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL) as server:
        yield f"http://127.0.0.1:{port}/tools/llmopt"
        # It is Streamlit itself, no parent of it that would leave it behind.
        server.terminate()
        assert server.wait(timeout=20) is not None
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/tools/llmopt")


def test_llmopt_app_serves_the_installed_app(address: str) -> None:
    assert _fetch(f"{address}/_stcore/health") == b"ok"
    assert b"<title>" in _fetch(f"{address}/evaluate")


def test_llmopt_app_names_a_port_that_makes_no_sense(llmopt: Command) -> None:
    process = llmopt("app", "--port", "70000")
    assert process.code == 2
    assert "--port" in process.complaint
    assert "65535" in process.complaint


@pytest.mark.parametrize("path", ["a b?", "a#b", "a//b", "../up", "a/./b", "tools\\llmopt", "caf\u00e9", "a%20b", "\n"])
def test_llmopt_app_names_a_base_path_that_no_browser_would_ask_for(llmopt: Command, path: str) -> None:
    process = llmopt("app", "--port", "1", "--base-path", path)
    assert process.code == 2
    assert process.complaint.startswith(f"--base-path {path!r}: expected")


def test_version(llmopt: Command) -> None:
    process = llmopt("--version")
    assert (process.code, process.out) == (0, "llmopt 0.1.0\n")


def _fetch(url: str) -> bytes:
    """The answer of a server that may still be starting."""
    for _ in range(600):
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return bytes(answer.read())
        except urllib.error.URLError:
            time.sleep(0.1)
    raise AssertionError(f"{url} does not answer")
