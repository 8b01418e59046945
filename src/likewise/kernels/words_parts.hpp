// Words that are made of parts: rows of parts in, the mean row of each word of a block out; and what was learned of that
// mean back to each part. Moving every part by d moves their mean by d. Included by words_level.cpp alone.
#pragma once

#include "words_draws.hpp"
#include "words_rows.hpp"

namespace likewise {
namespace LIKEWISE_LEVEL {
namespace {

INLINE void prefetch_parts(const WindowTask &task, const WindowBlock &b, i64 slot, i64 from, i64 to) {
  if (slot >= b.slots) return;
  const i64 word = b.word[slot];
  for (i64 p = task.wholes[word]; p < task.wholes[word + 1]; ++p) {
    const float *row = task.vectors + task.parts[p] * task.stride;
    for (i64 j = from; j < to; j += 16) __builtin_prefetch(row + j, 1, 3);
  }
}

}  // namespace

// Make the mean of the parts of each word of the block, columns [from, to) of it, in `hidden` and in `before`.
void gather(const WindowTask &task, const WindowBlock &b, float *hidden, float *before, std::int64_t from,
            std::int64_t to) {
  for (i64 s = 0; s < 2; ++s) prefetch_parts(task, b, s, from, to);
  for (i64 s = 0; s < b.slots; ++s) {
    prefetch_parts(task, b, s + 2, from, to);
    const i64 word = b.word[s], first = task.wholes[word], last = task.wholes[word + 1];
    const vfloat share = all(1.0f / static_cast<float>(last - first));
    for (i64 j = from; j < to; j += W) {
      vfloat sum = {};
      for (i64 p = first; p < last; ++p) sum += load(task.vectors + task.parts[p] * task.stride + j);
      sum *= share;
      store(hidden + s * task.stride + j, sum);
      store(before + s * task.stride + j, sum);
    }
  }
}

// Move every part of each word of the block by what `hidden` moved since `before`, columns [from, to) of it.
void scatter(const WindowTask &task, const WindowBlock &b, const float *hidden, const float *before, std::int64_t from,
             std::int64_t to) {
  for (i64 s = 0; s < 2; ++s) prefetch_parts(task, b, s, from, to);
  for (i64 s = 0; s < b.slots; ++s) {
    prefetch_parts(task, b, s + 2, from, to);
    const i64 word = b.word[s], first = task.wholes[word], last = task.wholes[word + 1];
    for (i64 j = from; j < to; j += W) {
      const vfloat moved = load(hidden + s * task.stride + j) - load(before + s * task.stride + j);
      for (i64 p = first; p < last; ++p) {
        float *place = task.vectors + task.parts[p] * task.stride + j;
        store(place, load(place) + moved);
      }
    }
  }
}

}  // namespace LIKEWISE_LEVEL
}  // namespace likewise
