"""Kernel levels: the machine in, the name of the fastest kernel that it can run out.

Each kernel exists as `numpy` (the readable twin, slow), `baseline` (any x86-64, or plain code on other
processors), `avx2` and `avx512`. The environment variable LIKEWISE_KERNEL forces one.
"""

from __future__ import annotations

import os
from functools import cache

from likewise.errors import OptionError
from likewise.kernels import _native

VARIABLE = "LIKEWISE_KERNEL"


@cache
def available() -> tuple[str, ...]:
    """Return the levels that were compiled and that this machine can run, slowest first, `numpy` before all."""
    return ("numpy", *(name for name in _native.compiled_levels() if _native.machine_has(name)))


def why_this_level() -> str:
    """Return why `level()` gives what it gives, for people."""
    forced = os.environ.get(VARIABLE)
    return f"{VARIABLE} asks for it" if forced else "the fastest kernel that this machine can run"


def level(name: str | None = None) -> str:
    """Return the level to use: `name` if given, else LIKEWISE_KERNEL, else the fastest; OptionError if impossible."""
    wanted = name or os.environ.get(VARIABLE) or available()[-1]
    if wanted not in available():
        known = ("numpy", *_native.compiled_levels())
        why = "this machine cannot run it" if wanted in known else f"levels are {', '.join(known)}"
        raise OptionError(
            f"kernel level {wanted!r}: {why}; set {VARIABLE} to one of {', '.join(available())}, or not at all"
        )
    return wanted
