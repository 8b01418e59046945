// What the window kernels draw, the same on every level and in NumPy: a segment of the text in, its kept tokens with
// their windows, rates and noise words out. Included by words_level.cpp alone.
#pragma once

#include "words.hpp"

namespace likewise {
namespace LIKEWISE_LEVEL {
namespace {

using i32 = std::int32_t;
using i64 = std::int64_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;

constexpr i64 GROUP = 6;  // output rows that are held in registers at a time
constexpr u64 GOLDEN = 0x9E3779B97F4A7C15ull;

inline i64 least(i64 a, i64 b) { return a < b ? a : b; }
inline i64 most(i64 a, i64 b) { return a > b ? a : b; }

// splitmix64: the number at place `counter` of the stream `key`.
inline u64 number(u64 key, u64 counter) {
  u64 z = key + counter * GOLDEN;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  return z ^ (z >> 31);
}

u64 draws_of(const WindowTask &task) { return static_cast<u64>(task.negative) + 2; }

// The last sentence that starts at or before token t, which so is the one that holds it.
i64 sentence_of(const WindowTask &task, i64 t) {
  i64 low = 0, high = task.sentences;
  while (high - low > 1) {
    i64 middle = (low + high) / 2;
    (task.starts[middle] <= t ? low : high) = middle;
  }
  return low;
}

// Keep or drop the tokens [begin, end), which belong to one sentence.
void keep_some(const WindowTask &task, WindowBlock &b, i64 sentence, i64 begin, i64 end) {
  const i64 n = end - begin;
  const u64 key = task.key, draws = draws_of(task);
  u32 *draw = b.draw;
  for (i64 i = 0; i < n; ++i) {
    draw[i] = static_cast<u32>(number(key, static_cast<u64>(begin + i) * draws) >> 32);
  }
  i64 held = b.held;
  for (i64 i = 0; i < n; ++i) {
    const i32 word = task.ids[begin + i];
    b.kept[held] = word;
    b.position[held] = begin + i;
    b.sentence[held] = sentence;
    held += draw[i] <= task.keep[word];
  }
  b.held = held;
}

// Keep the tokens of one sentence before `begin` that a window reaches from there.
void keep_before(const WindowTask &task, WindowBlock &b, i64 sentence, i64 begin) {
  const i64 open = task.starts[sentence];
  const u64 draws = draws_of(task);
  i64 found = 0, t = begin;
  while (t > open && found < task.window) {
    --t;
    found += static_cast<u32>(number(task.key, static_cast<u64>(t) * draws) >> 32) <= task.keep[task.ids[t]];
  }
  for (; t < begin;) {  // in pieces: there may be many dropped ones between them
    const i64 next = least(begin, t + SEGMENT);
    keep_some(task, b, sentence, t, next);
    t = next;
  }
}

// Keep the tokens of one sentence from `end` on that a window reaches from before.
void keep_after(const WindowTask &task, WindowBlock &b, i64 sentence, i64 end) {
  const i64 close = task.starts[sentence + 1], before = b.held;
  for (i64 t = end; t < close && b.held - before < task.window;) {
    const i64 next = least(close, t + least(SEGMENT, task.window - (b.held - before)));
    keep_some(task, b, sentence, t, next);
    t = next;
  }
}

// Fill the block with the kept tokens of [begin, end) and those that their windows reach.
void keep_tokens(const WindowTask &task, WindowBlock &b, i64 begin, i64 end) {
  i64 sentence = sentence_of(task, begin);
  b.held = 0;
  keep_before(task, b, sentence, begin);
  b.first = b.held;
  for (i64 t = begin;;) {
    const i64 next = least(task.starts[sentence + 1], end);
    keep_some(task, b, sentence, t, next);
    t = next;
    if (t == end) break;
    while (task.starts[sentence + 1] <= t) ++sentence;
  }
  b.last = b.held;
  keep_after(task, b, sentence, end);
}

// Say for every token j where the latest repetition up to it begins: the largest k < j' <= j with equal words.
void find_twins(const WindowTask &task, WindowBlock &b) {
  const i64 held = b.held;
  for (i64 j = 0; j < held; ++j) b.twin[j] = -1;
  for (i64 d = least(2 * task.window, held - 1); d > 0; --d) {
    const i32 *kept = b.kept;
    i32 *twin = b.twin;
    for (i64 j = d; j < held; ++j) {
      twin[j] = kept[j] == kept[j - d] ? static_cast<i32>(j - d) : twin[j];
    }
  }
  for (i64 j = 1; j < held; ++j) b.twin[j] = b.twin[j] > b.twin[j - 1] ? b.twin[j] : b.twin[j - 1];
}

// Draw windows, rates and noise words for the centres of the block.
void draw_windows(const WindowTask &task, WindowBlock &b) {
  const i64 held = b.held, first = b.first, last = b.last;
  const u64 draws = draws_of(task), key = task.key, window = static_cast<u64>(task.window);
  for (i64 i = first, open = 0; i < held; ++i) {  // where its sentence begins …
    if (i == first) {
      open = i;
      while (open > 0 && i - open < task.window && b.sentence[open - 1] == b.sentence[i]) --open;
    } else if (b.sentence[i] != b.sentence[i - 1]) {
      open = i;
    }
    b.from[i] = static_cast<i32>(open);
  }
  for (i64 i = held - 1, close = held - 1; i >= first; --i) {  // … and ends, in the block
    if (i < held - 1 && b.sentence[i] != b.sentence[i + 1]) close = i;
    b.to[i] = static_cast<i32>(close);
  }
  for (i64 i = first; i < last; ++i) {
    const u64 r = number(key, static_cast<u64>(b.position[i]) * draws + 1);
    const i32 reach = static_cast<i32>(task.flat ? window : 1 + (((r >> 32) * window) >> 32));
    const i32 here = static_cast<i32>(i), low = here - reach, high = here + reach;
    b.from[i] = b.from[i] > low ? b.from[i] : low;
    b.to[i] = b.to[i] < high ? b.to[i] : high;
    const double rate = task.rate - task.slope * static_cast<double>(b.position[i]);
    b.rate[i] = static_cast<float>(rate > task.floor ? rate : task.floor);
  }
  const u64 words = static_cast<u64>(task.words);
  const AliasEntry *alias = task.alias;
  for (i64 k = 0; k < task.negative; ++k) {
    i32 *noise = b.noise + k * b.capacity;
    const i64 *position = b.position;
    for (i64 i = first; i < last; ++i) {
      const u64 r = number(key, static_cast<u64>(position[i]) * draws + 2 + static_cast<u64>(k));
      const u64 slot = ((r >> 32) * words) >> 32, entry = alias[slot];
      noise[i] = static_cast<i32>((r & 0xFFFFFFFFu) < (entry & 0xFFFFFFFFu) ? slot : entry >> 32);
    }
  }
}

// Say for every centre whether its noise words repeat one another or the centre word.
void find_odd(const WindowTask &task, WindowBlock &b) {
  const i64 first = b.first, last = b.last;
  i32 *odd = b.odd;
  for (i64 i = first; i < last; ++i) odd[i] = 0;
  for (i64 k = 0; k < task.negative; ++k) {
    const i32 *one = b.noise + k * b.capacity;
    for (i64 l = -1; l < k; ++l) {
      const i32 *other = l < 0 ? b.kept : b.noise + l * b.capacity;
      for (i64 i = first; i < last; ++i) odd[i] |= one[i] == other[i];
    }
  }
}

// Say where the steps of each centre begin, and how many pairs there are.
void place_steps(const WindowTask &task, WindowBlock &b) {
  b.pairs = b.floats = 0;
  for (i64 i = b.first; i < b.last; ++i) {
    const i64 n = b.to[i] - b.from[i], word = b.kept[i];
    const i64 m = task.negative > 0 ? task.negative + 1 : task.paths[word + 1] - task.paths[word];
    b.pairs += n;
    b.steps[i] = b.floats;
    b.floats += (steps_of(task.cbow ? 1 : n, m) + 15) / 16 * 16;
  }
}

// Number the different words of the block in order of appearance.
void find_slots(WindowBlock &b) {
  for (i64 p = 0; p < b.places; ++p) b.hash[p] = -1;
  b.slots = 0;
  for (i64 i = 0; i < b.held; ++i) {
    i64 p = static_cast<i64>((static_cast<u64>(b.kept[i]) * GOLDEN) >> 32) & (b.places - 1);
    while (b.hash[p] >= 0 && b.word[b.hash[p]] != b.kept[i]) p = (p + 1) & (b.places - 1);
    if (b.hash[p] < 0) {
      b.hash[p] = static_cast<i32>(b.slots);
      b.word[b.slots++] = b.kept[i];
    }
    b.slot[i] = b.hash[p];
  }
}

}  // namespace

void draw_segment(const WindowTask &task, WindowBlock &b, std::int64_t begin, std::int64_t end) {
  keep_tokens(task, b, begin, end);
  find_twins(task, b);
  draw_windows(task, b);
  if (task.negative < GROUP) find_odd(task, b);
  place_steps(task, b);
  if (task.wholes) find_slots(b);
}

}  // namespace LIKEWISE_LEVEL
}  // namespace likewise
