"""Training: a network, an objective and views in, a network that has learned out. One loop for every kind of object."""
