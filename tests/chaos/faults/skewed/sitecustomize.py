"""A wrong clock for one Python process, where there is no libfaketime.

`datetime.now`, `time.time` and `time.time_ns` are off by SKEW_S seconds, or by what SKEW_FILE
holds at the moment. Extensions in C see the true clock.
"""

import datetime as dt
import os
import time
from pathlib import Path

_SKEW_S, _FILE = os.environ.get("SKEW_S", "0"), os.environ.get("SKEW_FILE", "")
_time, _real = time.time, dt.datetime


def _off() -> float:
    return float(Path(_FILE).read_text("ascii") if _FILE else _SKEW_S)


class _Kind(type(_real)):
    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, _real)


class _Skewed(_real, metaclass=_Kind):
    def __new__(cls, *arguments, **named):
        return _real(*arguments, **named)

    @classmethod
    def now(cls, tz=None):
        return _real.now(tz) + dt.timedelta(seconds=_off())


time.time = lambda: _time() + _off()
time.time_ns = lambda: int(time.time() * 1e9)
dt.datetime = _Skewed
