// What the skip-gram kernel is given, and what it answers: shared by words.cpp and the levels.
// In: two tables of rows, a corpus of word numbers, how to draw. Out: the same tables one stretch of text later.
#pragma once

#include <cstdint>

#include "levels.hpp"

namespace likewise {

// The table of a source of noise words (Walker's alias method), 8 bytes a word: the low half is the share of its
// slot that a word keeps for itself in units of 2^-32, the high half the word that has the rest.
using AliasEntry = std::uint64_t;

// Tables have rows of `stride` floats, a multiple of 16, on 64-byte bounds; columns past the dimension stay zero.
struct SkipGramTask {
  float *vectors;              // input rows: context words
  float *output;               // output rows: centre words and noise words
  std::int64_t stride;
  const std::int32_t *ids;     // the corpus: a word's number is its row
  const std::int64_t *starts;  // sentence s is ids[starts[s] .. starts[s + 1])
  std::int64_t sentences;
  const std::uint32_t *keep;   // a token stays if a draw of 32 bits is at most this
  const AliasEntry *alias;
  std::int64_t words;
  std::int64_t window, negative;
  std::uint64_t key;           // names the stream of draws; every draw is a function of (key, token, purpose)
  double rate, slope, floor;   // the rate at token t is max(floor, rate - slope * t)
  bool full_window;            // use the whole window instead of b ~ U{1 .. window}
};

struct SkipGramDone {
  std::int64_t centres, pairs;
};

// A block of kept tokens and what was drawn for those of them that are centres.
struct SkipGramBlock {
  std::int64_t capacity;       // kept tokens that fit
  std::int32_t *kept;          // word numbers
  std::int64_t *position;      // where each stands in the corpus
  std::int64_t *sentence;
  std::int32_t *from, *to;     // first and last token of the block that its window reaches
  std::int32_t *twin;          // the latest token up to here that has an equal one a window or two before it: its place
  float *rate;
  std::int32_t *noise;         // [negative][capacity]
  std::int32_t *odd;           // whether its noise words repeat one another or the centre word
  std::uint32_t *draw;         // one number for each token that is looked at
  float *steps;                // rate * (label - sigmoid) of each pair of rows of one window
  float *weights;              // how often each context word stands in it
  float *labels;               // 16 floats, 1 where a step belongs to the centre word itself; then 16 zeros
  float *old;                  // one column of vectors of one window, as they were
  float **inputs, **outputs;   // rows of one window
};

// How many steps there are at most, and room for what is stored behind them.
inline std::int64_t steps_of(std::int64_t window, std::int64_t negative) {
  return 2 * window * (negative + 1) + 32;
}

#define DECLARE(level)                                                                                             \
  namespace level {                                                                                                \
  SkipGramDone skipgram(const SkipGramTask &, SkipGramBlock &, std::int64_t begin, std::int64_t end);              \
  void pair_products(const float *a, const float *b, std::int64_t stride, const std::int32_t *rows,                \
                     const std::int32_t *targets, std::int64_t n, double *products);                               \
  }
LIKEWISE_FOR_EACH_LEVEL(DECLARE)
#undef DECLARE

}  // namespace likewise
