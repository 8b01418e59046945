// What the GloVe kernel is given: shared by glove.cpp and the levels.
// In: one table that holds both sides of every word, a stretch of counts. Out: the same table some steps further.
#pragma once

#include <cstdint>

#include "levels.hpp"

namespace likewise {

// A word has four rows of `stride` floats, on 64-byte bounds: its vector, the squares of its gradients, its context
// vector, the squares of those. Column dim is the vector's bias (and 1 in the context vector), column dim + 1 is 1 (and
// the context vector's bias), so that a product holds both biases. The squares of a constant are HELD: it never moves.
struct GloveTask {
  float *table;
  std::int64_t stride;
  float rate, x_max, x_power;
  bool both;  // an entry off the diagonal stands for (i, j) and (j, i)
};

// An entry of a tile: row in the tile (16 bits), column in the tile (16 bits), the count as a float (32 bits).

#define DECLARE(level)                                                                                          \
  namespace level {                                                                                             \
  void glove(const GloveTask &, const std::uint64_t *entries, std::int64_t n, std::int64_t row,                 \
             std::int64_t column);                                                                              \
  double glove_loss(const GloveTask &, const std::int32_t *rows, const std::int32_t *columns, const float *x,   \
                    std::int64_t n);                                                                            \
  }
LIKEWISE_FOR_EACH_LEVEL(DECLARE)
#undef DECLARE

}  // namespace likewise
