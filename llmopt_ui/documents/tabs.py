"""The tabs of the Documents page. A tab is one line in `TABS`; its module is loaded when it is opened."""

from __future__ import annotations

VIEW = "documents_tab"
TABS = {
    "Files": "llmopt_ui.documents.files:files_view",
    "Microscope": "llmopt_ui.chunking.microscope.view:microscope_view",
    "Sweep": "llmopt_ui.chunking.sweep.view:sweep_view",
    "Questions": "llmopt_ui.documents.spans_view:spans_view",
}
"""Title -> `module:function`; the function is given the project."""
