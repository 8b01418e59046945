"""Huffman's tree over a vocabulary: counts in, the way from the root to each word out."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int64

from likewise.contracts import Array
from likewise.kernels.words import Paths

_NEVER = 2**62


def huffman_paths(counts: Int64[Array, " n"]) -> Paths:
    """Return the nodes on the way to each word, the root first, and where it turns left (1, word2vec's code 0).

    `counts` fall. n words have n − 1 nodes, the last of which is the root; a word's way is the shorter the more
    frequent it is, so the mean way is the shortest there is (Huffman 1952; Mikolov et al. 2013, arXiv:1310.4546,
    section 2.1). Of equal counts the one that is first in line is taken, as in word2vec.c.

    >>> paths = huffman_paths(np.array([4, 2, 1]))
    >>> paths.starts.tolist(), paths.nodes.tolist(), paths.turns.tolist()
    ([0, 1, 3, 5], [1, 1, 0, 1, 0], [0.0, 1.0, 0.0, 1.0, 1.0])
    """
    parent, right = _tree(counts.tolist())
    n = len(counts)
    nodes: list[int] = []
    turns: list[float] = []
    starts = np.zeros(n + 1, np.int64)
    for word in range(n):
        way, at = [], word
        while at != 2 * n - 2:
            way.append((parent[at] - n, 0.0 if right[at] else 1.0))
            at = parent[at]
        nodes.extend(node for node, _ in reversed(way))
        turns.extend(turn for _, turn in reversed(way))
        starts[word + 1] = len(nodes)
    return Paths(starts, np.array(nodes, np.int32), np.array(turns, np.float32))


def _tree(counts: list[int]) -> tuple[list[int], list[bool]]:
    """Join the two rarest until one is left: words from the rare end, nodes in the order of their making."""
    n = len(counts)
    weight = counts + [_NEVER] * (n - 1)
    parent, right = [0] * (2 * n - 1), [False] * (2 * n - 1)
    word, node = n - 1, n
    for made in range(n, 2 * n - 1):
        pair = []
        for _ in range(2):
            if word >= 0 and weight[word] < weight[node]:
                pair.append(word)
                word -= 1
            else:
                pair.append(node)
                node += 1
        weight[made] = weight[pair[0]] + weight[pair[1]]
        parent[pair[0]] = parent[pair[1]] = made
        right[pair[1]] = True
    return parent, right
