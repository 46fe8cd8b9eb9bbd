"""The text that carries a trace from one process to the next (W3C Trace Context, section 3.2).

`00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01`: version, trace, span of who sends it, and
flags, of which the last bit says whether spans are kept.
"""

import re

LENGTH = 55
_FORM = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_SAMPLED = 0x01


def parsed(sent: object) -> str | None:
    """Return what was sent if it is what it must be: it is passed on as it is."""
    return sent if isinstance(sent, str) and _FORM.fullmatch(sent) else None


def is_sampled(traceparent: str) -> bool:
    """Tell whether whoever sent it keeps its span."""
    return bool(int(traceparent[-2:], 16) & _SAMPLED)
