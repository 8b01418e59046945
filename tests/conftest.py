"""What every test stands on: one thread of torch for each worker, so that they do not wait for one another."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read by torch when it is imported
