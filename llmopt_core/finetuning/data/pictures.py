"""What a picture in a message costs, in tokens."""

from __future__ import annotations

import base64
import binascii
import io
import math
from collections.abc import Mapping
from typing import Any

# OpenAI, "Images and vision", cost of gpt-4o: one base, and in high detail one tile for each 512 x 512 of the picture
# after it was shrunk into 2048 x 2048 and then to a shorter side of 768.
BASE_TOKENS = 85
# How OpenAI's vision guide counts a picture: tiles of 512 pixels after scaling to 2048, then 768.
TILE_TOKENS = 170
_TILE, _SQUARE, _SHORT_SIDE = 512, 2048, 768
# A picture that is only named by its address is not fetched; this is the size that is assumed.
ASSUMED_SIZE = (1024, 1024)
# A data URL of so many characters is no picture that a service takes; decoding it would double the memory.
_MOST_BYTES = 50_000_000


def picture_tokens(picture: Any) -> int:
    """Tokens of an `image_url` part; in low detail, or `auto`ly or in high detail by its size."""
    # Some exporters write the address alone where the format has an object with `url`.
    if isinstance(picture, Mapping):
        detail, url = str(picture.get("detail") or "auto"), str(picture.get("url") or "")
    else:
        detail, url = "auto", str(picture)
    if detail == "low":
        return BASE_TOKENS
    width, height = _size(url)
    # A small picture is never enlarged.
    shrink = min(1.0, _SQUARE / max(width, height))
    shrink *= min(1.0, _SHORT_SIDE / (min(width, height) * shrink))
    return BASE_TOKENS + TILE_TOKENS * math.ceil(width * shrink / _TILE) * math.ceil(height * shrink / _TILE)


def _size(url: str) -> tuple[int, int]:
    from PIL import Image

    # An address is not fetched: a check must not tell the owner of a server that somebody reads the file.
    if not url.startswith("data:") or len(url) > _MOST_BYTES:
        return ASSUMED_SIZE
    try:
        # Only the header is read, whatever size it claims.
        # `validate=False` passes over line breaks within base64, which some tools write.
        with Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2], validate=False))) as image:
            return image.size
    # Pillow raises `SyntaxError` for broken headers of some formats. A bomb is a picture of more than 179 million
    # pixels.
    except (OSError, ValueError, binascii.Error, SyntaxError, Image.DecompressionBombError):
        return ASSUMED_SIZE
