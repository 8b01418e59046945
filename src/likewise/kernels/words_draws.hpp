// What skip-gram draws, the same on every level and in NumPy: a place in the text in, kept tokens with their windows,
// rates and noise words out. Included by words_level.cpp alone.
#pragma once

#include "words.hpp"

namespace likewise {
namespace LIKEWISE_LEVEL {
namespace {

using i32 = std::int32_t;
using i64 = std::int64_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;

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

// A place in the text, and what has been drawn from it so far.
struct Reader {
  const SkipGramTask &task;
  SkipGramBlock &block;
  i64 begin, end;      // tokens whose centres are wanted
  i64 token;           // the next one to look at
  i64 sentence;        // the sentence that it is in
  i64 held = 0;        // kept tokens in the block
  i64 centre = 0;      // the first of them that is still to be a centre
  i64 ahead = 0;       // kept tokens beyond `end`
  bool over = false;

  u64 draws() const { return static_cast<u64>(task.negative) + 2; }
  bool keeps(i64 t) const {
    return static_cast<u32>(number(task.key, static_cast<u64>(t) * draws()) >> 32) <= task.keep[task.ids[t]];
  }
};

// The last sentence that starts at or before token t, which so is the one that holds it.
i64 sentence_of(const SkipGramTask &task, i64 t) {
  i64 low = 0, high = task.sentences;
  while (high - low > 1) {
    i64 middle = (low + high) / 2;
    (task.starts[middle] <= t ? low : high) = middle;
  }
  return low;
}

// Fetch the kept tokens just before `begin` that its first windows reach.
void look_back(Reader &r) {
  SkipGramBlock &b = r.block;
  i64 first = r.task.starts[r.sentence], found = 0, t = r.begin;
  while (t > first && found < r.task.window) {
    found += r.keeps(--t);
  }
  for (; t < r.begin; ++t) {
    if (r.keeps(t)) {
      b.kept[r.held] = r.task.ids[t];
      b.position[r.held] = t;
      b.sentence[r.held++] = r.sentence;
    }
  }
  r.centre = r.held;
}

// Keep or drop tokens [r.token, stop) of one sentence, as many as fit.
void keep_some(Reader &r, i64 stop) {
  const SkipGramTask &task = r.task;
  SkipGramBlock &b = r.block;
  const i64 t0 = r.token, n = least(stop - t0, b.capacity - r.held);
  const u64 key = task.key, draws = r.draws();
  u32 *draw = b.draw;
  for (i64 i = 0; i < n; ++i) {
    draw[i] = static_cast<u32>(number(key, static_cast<u64>(t0 + i) * draws) >> 32);
  }
  i64 held = r.held;
  for (i64 i = 0; i < n; ++i) {
    const i32 word = task.ids[t0 + i];
    b.kept[held] = word;
    b.position[held] = t0 + i;
    b.sentence[held] = r.sentence;
    held += draw[i] <= task.keep[word];
  }
  r.held = held;
  r.token = t0 + n;
}

// Fill the block with kept tokens: up to `end`, then as far beyond as the last windows reach.
void fill(Reader &r) {
  const SkipGramTask &task = r.task;
  while (!r.over && r.held < r.block.capacity) {
    const i64 close = task.starts[r.sentence + 1];
    if (r.token < r.end) {
      keep_some(r, least(close, r.end));
    } else if (r.token < close && r.ahead < task.window) {
      const i64 before = r.held;
      keep_some(r, least(close, r.token + task.window - r.ahead));
      r.ahead += r.held - before;
    } else {
      r.over = true;
    }
    if (r.token == close && r.token < r.end) {
      while (task.starts[r.sentence + 1] <= r.token) ++r.sentence;
    }
  }
}

// Say for every token j where the latest repetition up to it begins: the largest k < j' <= j with equal words.
void find_twins(const SkipGramTask &task, SkipGramBlock &b, i64 held) {
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

// Draw windows, rates and noise words for the centres [first, last) of the block.
void draw_windows(const SkipGramTask &task, SkipGramBlock &b, i64 held, i64 first, i64 last) {
  const u64 draws = static_cast<u64>(task.negative) + 2, key = task.key, window = static_cast<u64>(task.window);
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
    const i32 reach = static_cast<i32>(task.full_window ? window : 1 + (((r >> 32) * window) >> 32));
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
void find_odd(const SkipGramTask &task, SkipGramBlock &b, i64 first, i64 last) {
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

// Drop what no later window reaches and move the rest to the front.
void move_up(Reader &r) {
  SkipGramBlock &b = r.block;
  const i64 shift = most(0, r.centre - r.task.window);
  for (i64 i = shift; i < r.held; ++i) {
    b.kept[i - shift] = b.kept[i];
    b.position[i - shift] = b.position[i];
    b.sentence[i - shift] = b.sentence[i];
  }
  r.held -= shift;
  r.centre -= shift;
}

}  // namespace
}  // namespace LIKEWISE_LEVEL
}  // namespace likewise
