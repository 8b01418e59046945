"""Encoders: batches of raw objects in, vectors out. Torch modules that know nothing of objectives or training."""
