"""JUnit XML, which pipelines show: suites of cases that passed, failed, could not be decided, or do not count.

The elements are those that the readers of Jenkins, GitLab and GitHub actions share.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal
from xml.etree.ElementTree import Element, SubElement, indent, tostring

CaseOutcome = Literal["passed", "failure", "error", "skipped"]
# All that XML 1.0 cannot hold, not even escaped.
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class JUnitCase:
    """One case.

    Attributes:
        outcome: `failure` where it did not hold, `error` where it could not be decided, `skipped` where it does not
            count.
        kind: What sort of failure, error or skip.
        message: One line.
        output: Shown where a reader opens the case.
    """

    name: str
    outcome: CaseOutcome = "passed"
    kind: str = ""
    message: str = ""
    output: str = ""


@dataclass(frozen=True, slots=True)
class JUnitSuite:
    """Cases that belong together, with what is to be known of them."""

    name: str
    cases: Sequence[JUnitCase]
    seconds: float = 0.0
    properties: Mapping[str, str] = field(default_factory=dict)


def junit_xml(name: str, suites: Sequence[JUnitSuite]) -> str:
    r"""The file. What XML cannot hold is shown as Python writes it, such as `\x00`."""
    root = Element("testsuites", {"name": _text(name), **_counts([case for suite in suites for case in suite.cases])})
    for suite in suites:
        attributes = {"name": _text(suite.name), **_counts(suite.cases), "time": f"{suite.seconds:.3f}"}
        element = SubElement(root, "testsuite", attributes)
        if suite.properties:
            holder = SubElement(element, "properties")
            for key, value in suite.properties.items():
                SubElement(holder, "property", {"name": _text(key), "value": _text(value)})
        for case in suite.cases:
            _add_case(element, suite, case)
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _add_case(parent: Element, suite: JUnitSuite, case: JUnitCase) -> None:
    element = SubElement(
        parent, "testcase", {"name": _text(case.name), "classname": _text(suite.name), "time": "0.000"}
    )
    if case.outcome != "passed":
        attributes = {"message": _text(case.message)}
        # A skipped case has no type in any schema.
        if case.outcome != "skipped":
            attributes["type"] = _text(case.kind or case.outcome)
        SubElement(element, case.outcome, attributes)
    if case.output:
        SubElement(element, "system-out").text = _text(case.output)


def _counts(cases: Sequence[JUnitCase]) -> dict[str, str]:
    outcomes = [case.outcome for case in cases]
    return {
        "tests": str(len(cases)),
        "failures": str(outcomes.count("failure")),
        "errors": str(outcomes.count("error")),
        "skipped": str(outcomes.count("skipped")),
    }


def _text(text: str) -> str:
    return _NO_XML.sub(lambda found: found.group().encode("unicode_escape").decode("ascii"), text)
