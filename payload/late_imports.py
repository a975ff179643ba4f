"""Holds back modules that libraries import and the flight core hardly ever uses, until one is used.

    asyncio   structlog imports it for coroutines, of which none fly
    ssl       asyncio and ``http.client`` import it; the first https request needs it

Together 3 MB, and a tenth of the processor's time until the first beacon.
``importlib.util.LazyLoader`` does not serve here: in Python 3.11 an ``import`` of a module that it
holds back asks for the module's ``__spec__``, and that already loads it.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

LATE = ("asyncio", "ssl")


class LateModule(ModuleType):
    """Stands for a module until something of it is asked for."""

    def __getattr__(self, name: str) -> Any:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)


def hold_back() -> None:
    """Before anything imports them; one that is there already stays."""
    for name in LATE:
        sys.modules.setdefault(name, LateModule(name))


hold_back()
