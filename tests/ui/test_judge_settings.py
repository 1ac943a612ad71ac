"""What Settings tells of the built-in judge."""

from __future__ import annotations

from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from llmopt_core.evaluation.judge_agreement import AGREEMENT, BLIND
from llmopt_core.evaluation.judges.families import FAMILIES

App = Callable[..., AppTest]


def test_agreement_and_families_stand_with_their_intervals(app: App) -> None:
    test = app("pages/settings.py", settings_view="Judge")
    assert not test.exception
    agreement, families = (table.value for table in test.table)
    begin = AGREEMENT[0]
    assert agreement["AUC"].iloc[0] == f"{begin.auc:.2f} ({begin.low:.2f} to {begin.high:.2f})"
    assert len(families) == len(FAMILIES)
    first = FAMILIES[0]
    assert families["Share"].iloc[0] == f"{first.share:.0%} ({first.low:.0%} to {first.high:.0%})"
    assert BLIND in [part.value for part in test.markdown]
    assert len(test.get("plotly_chart")) == 2
