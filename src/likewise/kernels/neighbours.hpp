// What the two halves of the exact search tell each other.
// In: packed rows and queries. Out: rows that may belong to the best, offered one by one.
#pragma once

#include <stdint.h>

#include "levels.hpp"

namespace likewise {

enum class Metric : int { cosine, dot, euclidean };

// Called for the few scores that are not below a query's threshold.
typedef void (*Offer)(void *state, int64_t query, float score, int64_t row);

// One block of base rows against all queries. Scores are dot products plus a shift for each row; for cosines the rows
// are scaled to length one, for Euclidean distances the shift is −|row|² / 2, so that more is always nearer.
struct Block {
  const float *queries;     // row-major
  const float *tiles;       // the same, packed: [tile][dim][query_tile()]; the last tile is filled up with zeros
  int64_t query_count;
  const float *base;        // rows, row-major
  int64_t first, count;     // which rows of base
  int64_t dim;
  Metric metric;
  float *panel;             // room for panel_floats(dim)
  float *thresholds;        // by query; Offer may raise them
  Offer offer;
  void *state;
};

// query_tile: queries in one tile. rows_in_block: rows of one block, which stays in the second-level cache.
// panel_floats: floats of working memory for one block.
#define DECLARE(level)                    \
  namespace level {                       \
  int64_t query_tile();                   \
  int64_t panel_floats(int64_t dim);      \
  int64_t rows_in_block(int64_t dim);     \
  void search_block(const Block &block);  \
  }
LIKEWISE_FOR_EACH_LEVEL(DECLARE)
#undef DECLARE

}  // namespace likewise
