"""likewise: learn embeddings from your own data, prove that they are good, and put them to use."""

__version__ = "0.1.0"
