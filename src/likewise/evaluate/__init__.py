"""Evidence: arrays and gold answers in, numbers with intervals and baselines out, and the report that shows them."""
