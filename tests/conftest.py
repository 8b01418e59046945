"""What every test stands on: no deadlines, and one thread of torch for each worker, so that none waits for another."""

from __future__ import annotations

import os

from hypothesis import settings

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read by torch when it is imported
settings.register_profile("likewise", deadline=None)  # how long an example takes says more of the machine than of us
settings.load_profile("likewise")
