"""Sections of Markdown (and of HTML, which is loaded as Markdown)."""

from __future__ import annotations

from itertools import pairwise

from llmopt_core.chunking.headings import Headings
from llmopt_core.chunking.measure import Measure
from llmopt_core.chunking.pack import Spans, as_arrays, strip
from llmopt_core.chunking.recursive import RecursiveSplitter


def split_by_sections(text: str, headings: Headings) -> Spans:
    """From each heading to the next; a heading without text of its own begins the section below it."""
    borders = [0]
    # Text before the first heading is a section by itself.
    body_before = bool(headings.all) and bool(text[: headings.all[0].start].strip())
    for i, heading in enumerate(headings.all):
        # A heading right below another (title and subtitle) goes with it, else a chunk would be a title alone.
        if body_before and heading.start > borders[-1]:
            borders.append(heading.start)
        end = headings.all[i + 1].start if i + 1 < len(headings.all) else len(text)
        # A line break after stripping: more than the heading's own line.
        body_before = "\n" in text[heading.start : end].strip()
    borders.append(len(text))
    # An empty text has no section.
    return [(a, b) for a, b in pairwise(borders) if b > a]


def split_by_structure(text: str, measure: Measure, size: int, overlap: int = 0) -> Spans:
    """One chunk per section; a section longer than `size` is split at paragraphs, lines and words."""
    sections = split_by_sections(text, Headings(text))
    # `<=`: a section of just the size is one chunk.
    fits = (measure.lengths(*as_arrays(sections)) <= size).tolist()
    whole = strip(text, [section for section, fit in zip(sections, fits, strict=True) if fit])
    splitter = RecursiveSplitter(text, measure, size=size, overlap=overlap)
    return sorted(whole + splitter.spans([section for section, fit in zip(sections, fits, strict=True) if not fit]))
