// The step of one centre word: its window and its outputs in; first the step of each pair of rows out, then the rows
// moved. The two are apart, so that the steps of many centres can be found before any is taken. Skip-gram has an input
// row for each context word, a bag of words has one for all. Included by words_level.cpp alone.
#pragma once

#include "words_draws.hpp"
#include "words_rows.hpp"

namespace likewise {
namespace LIKEWISE_LEVEL {
namespace {

#define BY_COUNT(function, count, ...)        \
  switch (count) {                            \
    case 1: function(1)(__VA_ARGS__); break;  \
    case 2: function(2)(__VA_ARGS__); break;  \
    case 3: function(3)(__VA_ARGS__); break;  \
    case 4: function(4)(__VA_ARGS__); break;  \
    case 5: function(5)(__VA_ARGS__); break;  \
    default: function(6)(__VA_ARGS__); break; \
  }
#define MULTIPLY(k) multiply_all<k>
#define UPDATE(k) update_columns<k, C, true, false>
#define UPDATE_FEW(k) update_few<k>

// List the input rows of a window; `rows` says which row of `inputs` each kept token has.
INLINE i64 list_inputs(const WindowBlock &b, const WindowScratch &s, i64 i, const i32 *rows, float *inputs,
                       i64 stride) {
  i64 n = 0;
  for (i64 c = b.from[i]; c < i; ++c) s.inputs[n++] = inputs + rows[c] * stride;
  for (i64 c = i + 1; c <= b.to[i]; ++c) s.inputs[n++] = inputs + rows[c] * stride;
  return n;
}

// List the output rows of a centre: itself and its noise words, or the nodes on the way to it.
INLINE i64 list_outputs(const WindowTask &task, const WindowBlock &b, const WindowScratch &s, i64 i) {
  const i64 word = b.kept[i];
  if (task.negative == 0) {
    const i32 *nodes = task.nodes + task.paths[word];
    const i64 m = task.paths[word + 1] - task.paths[word];
    for (i64 k = 0; k < m; ++k) s.outputs[k] = task.output + nodes[k] * task.stride;
    return m;
  }
  s.outputs[0] = task.output + word * task.stride;
  for (i64 k = 0; k < task.negative; ++k) {
    s.outputs[k + 1] = task.output + b.noise[k * b.capacity + i] * task.stride;
  }
  return task.negative + 1;
}

// The labels of outputs [g, g + k), twice over: the centre word's is 1, a node's is 1 where the way turns left.
INLINE const float *list_labels(const WindowTask &task, const WindowBlock &b, const WindowScratch &s, i64 i, i64 g,
                                i64 k) {
  if (task.negative > 0) return s.labels + (g > 0 ? 16 : 0);
  const float *turns = task.turns + task.paths[b.kept[i]] + g;
  float *labels = s.labels + 32;
  for (i64 o = 0; o < k; ++o) labels[o] = labels[k + o] = turns[o];
  return labels;
}

// The words of a window, each once: a repeated one counts by its weight, which gives the same step.
i64 merge_twins(const WindowScratch &s, i64 n) {
  i64 m = 0;
  for (i64 c = 0; c < n; ++c) {
    float *const row = s.inputs[c];
    i64 seen = -1;
    for (i64 u = 0; u < m; ++u) seen = s.inputs[u] == row ? u : seen;
    if (seen >= 0) {
      s.weights[seen] += 1.0f;
    } else {
      s.weights[m] = 1.0f;
      s.inputs[m++] = row;
    }
  }
  return m;
}

// Settle the steps of outputs [first, first + k): repeated context words, and noise that is the centre word itself,
// which teaches nothing.
void settle(const WindowScratch &s, i64 n, i64 first, i64 k, bool weighted, float *steps) {
  for (i64 c = 0; c < n && weighted; ++c) {
    for (i64 o = 0; o < k; ++o) steps[c * k + o] *= s.weights[c];
  }
  for (i64 o = 0; o < k; ++o) {
    if (first + o == 0 || s.outputs[first + o] != s.outputs[0]) continue;
    for (i64 c = 0; c < n; ++c) steps[c * k + o] = 0.0f;
  }
}

// Find the steps of n inputs and m outputs. They lie group by group of six outputs, inside a group row by row.
INLINE void find_all(const WindowTask &task, const WindowBlock &b, const WindowScratch &s, i64 i, i64 n, i64 m,
                     bool weighted, float *steps) {
  const float rate = b.rate[i];
  const bool plain = !weighted && task.negative < GROUP && (task.negative == 0 || b.odd[i] == 0);
  for (i64 g = 0; g < m; g += GROUP, steps += n * GROUP) {
    const i64 k = least(GROUP, m - g);
    const float *labels = list_labels(task, b, s, i, g, k);
    BY_COUNT(MULTIPLY, k, s.inputs, n, s.outputs + g, task.stride, labels, rate, steps)
    if (__builtin_expect(!plain, 0)) settle(s, n, g, k, weighted, steps);
  }
}

// Move C columns of any number of rows, from copies of the rows as they were.
template <int C>
INLINE void update_many(const WindowScratch &s, i64 n, i64 m, i64 j, const float *steps) {
  float *old_out = s.old + n * C * W;
  for (i64 a = 0; a < n; ++a) {
    for (int c = 0; c < C; ++c) store(s.old + (a * C + c) * W, load(s.inputs[a] + j + c * W));
  }
  for (i64 o = 0; o < m; ++o) {
    for (int c = 0; c < C; ++c) store(old_out + (o * C + c) * W, load(s.outputs[o] + j + c * W));
  }
  for (i64 g = 0; g < m; g += GROUP) {
    const i64 k = least(GROUP, m - g);
    BY_COUNT(UPDATE, k, s.inputs, n, s.outputs + g, j, steps + n * g, s.old, old_out + g * C * W)
  }
}

template <int K, bool APART>
INLINE void update_some(const WindowScratch &s, i64 n, i64 from, i64 to, const float *steps) {
  i64 j = from;
  for (; j + COLUMNS * W <= to; j += COLUMNS * W) {
    update_columns<K, COLUMNS, false, APART>(s.inputs, n, s.outputs, j, steps, nullptr, nullptr);
  }
  for (; j < to; j += W) update_columns<K, 1, false, APART>(s.inputs, n, s.outputs, j, steps, nullptr, nullptr);
}

template <int K>
INLINE void update_few(const WindowScratch &s, i64 n, i64 from, i64 to, const float *steps, bool apart) {
  if (__builtin_expect(apart, 1)) {
    update_some<K, true>(s, n, from, to, steps);
  } else {
    update_some<K, false>(s, n, from, to, steps);
  }
}

// Move n inputs and m outputs by their steps, columns [from, to) of them.
INLINE void take_all(const WindowScratch &s, i64 n, i64 m, i64 from, i64 to, const float *steps, bool apart) {
  if (m <= GROUP) {
    BY_COUNT(UPDATE_FEW, m, s, n, from, to, steps, apart)
    return;
  }
  i64 j = from;
  for (; j + COLUMNS * W <= to; j += COLUMNS * W) update_many<COLUMNS>(s, n, m, j, steps);
  for (; j < to; j += W) update_many<1>(s, n, m, j, steps);
}

// How much each word of a bag counts: once, or as often as it has parts.
INLINE float weigh_bag(const WindowTask &task, const WindowBlock &b, const WindowScratch &s, i64 i) {
  i64 n = 0;
  float total = 0.0f;
  for (i64 c = b.from[i]; c <= b.to[i]; ++c) {
    if (c == i) continue;
    const i64 word = b.kept[c];
    const float weight =
        task.wholes && task.mean ? static_cast<float>(task.wholes[word + 1] - task.wholes[word]) : 1.0f;
    s.weights[n++] = weight;
    total += weight;
  }
  return total;
}

INLINE vfloat mix(const WindowScratch &s, i64 n, i64 j, float share) {
  vfloat sum = {};
  for (i64 c = 0; c < n; ++c) sum += load(s.inputs[c] + j) * s.weights[c];
  return sum * share;
}

// Find the steps of a bag of words against m outputs.
void find_bag(const WindowTask &task, const WindowBlock &b, const WindowScratch &s, i64 i, i64 n, i64 m,
              float *steps) {
  const float share = task.mean ? 1.0f / weigh_bag(task, b, s, i) : (weigh_bag(task, b, s, i), 1.0f);
  for (i64 j = 0; j < task.stride; j += W) store(s.mixed + j, mix(s, n, j, share));
  s.inputs[0] = s.mixed;
  find_all(task, b, s, i, 1, m, false, steps);
}

// Move the words of a bag and m outputs by their steps, columns [from, to) of them. Each word of a mean moves by the
// whole step of the mean; of a sum, by an equal share of it.
void take_bag(const WindowTask &task, const WindowBlock &b, const WindowScratch &s, i64 i, i64 n, i64 m, i64 from,
              i64 to, const float *steps, bool apart) {
  const float total = weigh_bag(task, b, s, i);
  const float share = task.mean ? 1.0f / total : 1.0f, part = task.mean ? 1.0f : 1.0f / static_cast<float>(n);
  for (i64 j = from; j < to; j += W) {
    const vfloat mixed = mix(s, n, j, share);
    vfloat moved = {};
    for (i64 o = 0; o < m; ++o) {
      const vfloat out = load(s.outputs[o] + j);
      moved += out * steps[o];
      if (apart) store(s.outputs[o] + j, out + mixed * steps[o]);
    }
    for (i64 o = 0; o < m && !apart; ++o) {  // a row that stands twice is read as it was
      store(s.outputs[o] + j, load(s.outputs[o] + j) + mixed * steps[o]);
    }
    for (i64 c = 0; c < n; ++c) store(s.inputs[c] + j, load(s.inputs[c] + j) + moved * part);
  }
}

}  // namespace
}  // namespace LIKEWISE_LEVEL
}  // namespace likewise
