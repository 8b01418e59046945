"""Objectives: a network and views in, a loss out. A family a file, an equation a function, what remembers a class."""
