// What the window kernels are given, and what they answer: shared by words.cpp and the levels.
// In: two tables of rows, a corpus of word numbers, how to draw. Out: the same tables one stretch of text later.
#pragma once

#include <cstdint>

#include "levels.hpp"

namespace likewise {

// The table of a source of noise words (Walker's alias method), 8 bytes a word: the low half is the share of its
// slot that a word keeps for itself in units of 2^-32, the high half the word that has the rest.
using AliasEntry = std::uint64_t;

// A text is learned in segments of at most so many tokens. What is drawn for one segment depends on nothing outside of it but
// the tokens that its windows reach.
constexpr std::int64_t SEGMENT = 512;

// Tables have rows of `stride` floats, a multiple of 16, on 64-byte bounds; columns past the dimension stay zero.
struct WindowTask {
  float *vectors;              // input rows: context words, or the parts of words
  float *output;               // output rows: centre words and noise words, or the nodes of a tree
  std::int64_t stride;
  const std::int32_t *ids;     // the corpus: a word's number is its row
  const std::int64_t *starts;  // sentence s is ids[starts[s] .. starts[s + 1])
  std::int64_t sentences;
  const std::uint32_t *keep;   // a token stays if a draw of 32 bits is at most this
  std::int64_t words;
  std::int64_t window;
  std::int64_t batch;          // tokens whose steps are found together, where that is asked for: divides SEGMENT
  std::int64_t span;           // tokens of a segment: divides SEGMENT, less only where words are made of parts
  bool flat;                   // use the whole window instead of b ~ U{1 .. window}
  bool cbow;                   // one input, the words of a window together, instead of each by itself
  bool mean;                   // … their mean, each moved by the whole step; else their sum, each by a share of it
  const AliasEntry *alias;     // negative sampling: where noise words come from, and how many for a centre;
  std::int64_t negative;       // 0 for hierarchical softmax, with the tree's nodes on the way to word w at
  const std::int64_t *paths;   // nodes[paths[w] .. paths[w + 1]), and which way it turns there (1: left)
  const std::int32_t *nodes;
  const float *turns;
  std::int64_t longest;        // most output rows of one centre
  const std::int64_t *wholes;  // subwords: word w is the mean of the rows parts[wholes[w] .. wholes[w + 1]); or null
  const std::int32_t *parts;
  std::uint64_t key;           // names the stream of draws; every draw is a function of (key, token, purpose)
  double rate, slope, floor;   // the rate at token t is max(floor, rate - slope * t)
};

struct WindowDone {
  std::int64_t centres, pairs;
};

// The kept tokens of a segment and its margins, and what was drawn for those of them that are centres.
struct WindowBlock {
  std::int64_t capacity;       // kept tokens that fit
  std::int64_t held;           // kept tokens
  std::int64_t first, last;    // those of them that are centres
  std::int64_t pairs, floats;  // of its windows; what their steps take
  std::int32_t *kept;          // word numbers
  std::int64_t *position;      // where each stands in the corpus
  std::int64_t *sentence;
  std::int32_t *from, *to;     // first and last token of the block that its window reaches
  std::int32_t *twin;          // the latest token up to here that has an equal one a window or two before it: its place
  float *rate;
  std::int32_t *noise;         // [negative][capacity]
  std::int32_t *odd;           // whether its noise words repeat one another or the centre word
  std::uint32_t *draw;         // one number for each token that is looked at
  std::int64_t *steps;         // where each centre's steps begin
  std::int64_t slots, places;  // subwords: different words of the block; size of the hash table, a power of two
  std::int32_t *slot;          // … the row of each kept token in `hidden`
  std::int32_t *word;          // … the word of each slot
  std::int32_t *hash;          // … slots by word, -1 where none
};

// What one thread works with.
struct WindowScratch {
  float *weights;              // how often each context word stands in a window
  float *labels;               // three times 16 floats: 1 where a step belongs to the centre word; zeros; of a tree
  float *old;                  // columns of one window, as they were
  float *mixed;                // the input of a bag of words
  float **inputs, **outputs;   // rows of one window
};

// How many steps one window has at most, and room for what is stored behind them.
inline std::int64_t steps_of(std::int64_t inputs, std::int64_t outputs) { return inputs * outputs + 32; }

#define DECLARE(level)                                                                                              \
  namespace level {                                                                                                 \
  void draw_segment(const WindowTask &, WindowBlock &, std::int64_t begin, std::int64_t end);                       \
  void gather(const WindowTask &, const WindowBlock &, float *hidden, float *before, std::int64_t from,             \
              std::int64_t to);                                                                                     \
  void scatter(const WindowTask &, const WindowBlock &, const float *hidden, const float *before,                   \
               std::int64_t from, std::int64_t to);                                                                 \
  void learn_in_order(const WindowTask &, const WindowBlock &, WindowScratch &, float *inputs, float *steps);       \
  void find_steps(const WindowTask &, const WindowBlock &, WindowScratch &, float *inputs, float *steps,            \
                  std::int64_t first, std::int64_t last);                                                           \
  void take_steps(const WindowTask &, const WindowBlock &, WindowScratch &, float *inputs, const float *steps,      \
                  std::int64_t first, std::int64_t last, std::int64_t from, std::int64_t to);                       \
  void pair_products(const float *a, const float *b, std::int64_t stride, const std::int32_t *rows,                 \
                     const std::int32_t *targets, std::int64_t n, double *products);                                \
  }
LIKEWISE_FOR_EACH_LEVEL(DECLARE)
#undef DECLARE

// Learn [begin, end) on this thread, one centre after the other.
WindowDone learn_in_order(const WindowTask &, Level, std::int64_t begin, std::int64_t end);
// Learn it with so many threads, batch by batch.
WindowDone learn_together(const WindowTask &, Level, std::int64_t begin, std::int64_t end, int threads);

}  // namespace likewise
