"""The time zone in which times are shown: that of who looks, whose machine need not be the one that serves."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import streamlit as st


def viewer_zone() -> tzinfo | None:
    """The time zone of the browser; None, which `astimezone` takes for this machine's, where it tells none."""
    name = st.context.timezone
    try:
        return ZoneInfo(name) if name else None
    # A name that this machine does not know, or that is none: browsers are free in what they tell.
    except (LookupError, ValueError, OSError):
        return None


def moment_column() -> Any:
    """A column of moments in the same time zone as the times in sentences beside it."""
    zone = viewer_zone()
    # Without any zone Streamlit shows moments as they are stored, which is in UTC; an offset ("+02:00") is one, too.
    name = str(zone) if zone else datetime.now().astimezone().isoformat(timespec="minutes")[-6:]
    return st.column_config.DatetimeColumn(format="D MMM, HH:mm", timezone=name)
