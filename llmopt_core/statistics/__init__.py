"""Verdicts from numbers: intervals, paired comparisons, agreement between raters. Knows nothing of runs or records."""
