"""Where the files that are no Python modules lie: beside the packages in a checkout, inside them once installed."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from llmopt_core.errors import MissingDependency

DISTRIBUTION = "llm-optimization-playground"
# The folder that holds the packages: the checkout, or site-packages.
PACKAGES = Path(__file__).parents[1]


def sample_folder() -> Path:
    """The folder of the sample project. A damaged installation may lack it."""
    folder = Path(__file__).parent / "sample_data"
    return folder if folder.is_dir() else PACKAGES / "sample_data"


def app_file() -> Path:
    """The script that `streamlit run` takes, without importing the interface.

    Raises:
        MissingDependency: The interface or Streamlit is not installed.
    """
    interface = find_spec("llmopt_ui")
    # `origin` is None for a folder without `__init__`, as an interrupted removal leaves it.
    if interface is None or interface.origin is None or find_spec("streamlit") is None:
        raise MissingDependency(f"The app is not installed: pip install {DISTRIBUTION}")
    folder = Path(interface.origin).parent
    # Inside the package once installed, beside it in a checkout.
    script = next((path for path in (folder / "app" / "app.py", folder.parent / "app.py") if path.is_file()), None)
    if script is None:
        raise MissingDependency(f"app.py is missing beside {folder}: pip install --force-reinstall {DISTRIBUTION}")
    return script


def program_version() -> str:
    """The version of this program, as it was installed."""
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:
        return "unknown (not installed: run from a folder of sources)"
