"""The page, and what a browser may do on it: run the script and the style that stand in it, and ask this gateway."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

PAGE = Path(__file__).with_name("page.html").read_text(encoding="utf-8")
WITH_ASSISTANT = PAGE.replace("<body>", "<body data-learning>")  # which lets one choose whom to ask


def _allowed(tag: str) -> str:
    """The sha256 of what stands inside each such element, as a content security policy names it."""
    inside = re.findall(f"<{tag}>(.*?)</{tag}>", PAGE, re.DOTALL)
    return " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in inside)


HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; script-src {_allowed('script')}; style-src {_allowed('style')}; connect-src 'self'; "
                               "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
