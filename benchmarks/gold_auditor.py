"""Which planted defects does the auditor of golds find? `python -m benchmarks.gold_auditor FOLDER`.

FOLDER holds `gold_defects.jsonl` and `gold_controls.jsonl`, and beside it lie the databases.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

from llmopt_core.labs.data_questions.golds.audit import audit_file


def main(folder: Path) -> None:
    planted, found, marked = Counter[str](), Counter[str](), Counter[str]()
    rows = {row["id"]: row for row in map(json.loads, (folder / "gold_defects.jsonl").read_text().splitlines())}
    for name, findings in audit_file(folder / "gold_defects.jsonl", folder.parent):
        row = rows[name]
        kinds = [finding.kind for finding in findings]
        planted[row["defect"]] += 1
        found[row["defect"]] += row["defect"] in kinds
        marked[row["defect"]] += bool(kinds)
        if row["defect"] not in kinds:
            print(f"not found: {name} {row['defect']}/{row['subtype']}, said {kinds}: {row['gold'][:160]}")
    for kind in planted:
        print(f"{kind:22} {found[kind]} / {planted[kind]} of its kind, {marked[kind]} with any finding")
    total = sum(planted.values())
    right = sum(found.values())
    print(f"{'all':22} {right} / {total} ({right / total:.0%}), {sum(marked.values())} with any finding")
    controls = audit_file(folder / "gold_controls.jsonl", folder.parent)
    alarms = Counter(finding.kind for _, findings in controls for finding in findings)
    wrong = [(name, findings) for name, findings in controls if findings]
    for name, findings in wrong:
        print(f"false alarm: {name} {[(one.kind, one.reason) for one in findings]}")
    print(f"false alarms: {len(wrong)} / {len(controls)} ({len(wrong) / len(controls):.0%}) {dict(alarms)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
