"""The compiled code, a level for each instruction set, and one NumPy twin for each kernel."""

from likewise.kernels.levels import available, level

__all__ = ["available", "level"]
