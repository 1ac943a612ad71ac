"""What a user says about how files are read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReadingOptions:
    """How files are read.

    Attributes:
        encoding: Of files that are text, such as `windows-1250`; empty to find it out for each.
        main_only: Whether of a web page only the main text is read, without menus, headers and footers.
    """

    encoding: str = ""
    main_only: bool = False
