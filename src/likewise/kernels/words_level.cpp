// Skip-gram with negative sampling, compiled once a level: a stretch of text in, two tables one step further out.
//
// One step is one centre word: its window of context words (input rows) against the centre word and its noise words
// (output rows), all products from the rows as they are, then one update of all rows. So a step is gradient
// descent on the summed loss of the window's pairs, repeated words included. The noise words are shared by the pairs of
// one window and by nothing else. Whatever is drawn depends on the token's place only: chunks change nothing.
#include "words_draws.hpp"
#include "words_rows.hpp"

namespace likewise {
namespace LIKEWISE_LEVEL {
namespace {

constexpr int GROUP = 6;  // output rows that are held in registers at a time

// The words of a window, each once: a repeated one counts by its weight, which gives the same step.
i64 merge_twins(const SkipGramBlock &b, i64 n) {
  i64 m = 0;
  for (i64 c = 0; c < n; ++c) {
    float *const row = b.inputs[c];
    i64 seen = -1;
    for (i64 u = 0; u < m; ++u) seen = b.inputs[u] == row ? u : seen;
    if (seen >= 0) {
      b.weights[seen] += 1.0f;
    } else {
      b.weights[m] = 1.0f;
      b.inputs[m++] = row;
    }
  }
  return m;
}

// Settle the steps of outputs [first, first + k): repeated context words, and noise that is the centre word itself,
// which teaches nothing.
void settle(const SkipGramBlock &b, i64 n, i64 first, i64 k, bool weighted, float *steps) {
  for (i64 c = 0; c < n && weighted; ++c) {
    for (i64 o = 0; o < k; ++o) steps[c * k + o] *= b.weights[c];
  }
  for (i64 o = 0; o < k; ++o) {
    if (first + o == 0 || b.outputs[first + o] != b.outputs[0]) continue;
    for (i64 c = 0; c < n; ++c) steps[c * k + o] = 0.0f;
  }
}

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
#define STEP(k) step_few<k>

// Update C columns of any number of outputs, from copies of the rows as they were.
template <int C>
INLINE void update_many(const SkipGramBlock &b, i64 n, i64 m, i64 j) {
  float *old_out = b.old + n * C * W;
  for (i64 a = 0; a < n; ++a) {
    for (int c = 0; c < C; ++c) store(b.old + (a * C + c) * W, load(b.inputs[a] + j + c * W));
  }
  for (i64 o = 0; o < m; ++o) {
    for (int c = 0; c < C; ++c) store(old_out + (o * C + c) * W, load(b.outputs[o] + j + c * W));
  }
  for (i64 g = 0; g < m; g += GROUP) {
    const i64 k = least(GROUP, m - g);
    BY_COUNT(UPDATE, k, b.inputs, n, b.outputs + g, j, b.steps + n * g, b.old, old_out + g * C * W)
  }
}

// One step of any number of outputs. Steps lie group by group of six outputs, inside a group row by row.
void step_any(const SkipGramBlock &b, i64 n, i64 m, i64 stride, float rate, bool weighted) {
  for (i64 g = 0; g < m; g += GROUP) {
    const i64 k = least(GROUP, m - g);
    const float *labels = b.labels + (g > 0 ? 16 : 0);
    BY_COUNT(MULTIPLY, k, b.inputs, n, b.outputs + g, stride, labels, rate, b.steps + n * g)
  }
  for (i64 g = 0; g < m; g += GROUP) settle(b, n, g, least(GROUP, m - g), weighted, b.steps + n * g);
  i64 j = 0;
  for (; j + COLUMNS * W <= stride; j += COLUMNS * W) update_many<COLUMNS>(b, n, m, j);
  for (; j < stride; j += W) update_many<1>(b, n, m, j);
}

template <int K, bool APART>
INLINE void update_all(const SkipGramBlock &b, i64 n, i64 stride) {
  i64 j = 0;
  for (; j + COLUMNS * W <= stride; j += COLUMNS * W) {
    update_columns<K, COLUMNS, false, APART>(b.inputs, n, b.outputs, j, b.steps, nullptr, nullptr);
  }
  for (; j < stride; j += W) update_columns<K, 1, false, APART>(b.inputs, n, b.outputs, j, b.steps, nullptr, nullptr);
}

// One step of at most six outputs.
template <int K>
INLINE void step_few(const SkipGramBlock &b, i64 n, i64 stride, float rate, bool weighted, bool odd) {
  multiply_all<K>(b.inputs, n, b.outputs, stride, b.labels, rate, b.steps);
  if (__builtin_expect(weighted || odd, 0)) settle(b, n, 0, K, weighted, b.steps);
  if (__builtin_expect(odd, 0)) {
    update_all<K, false>(b, n, stride);
  } else {
    update_all<K, true>(b, n, stride);
  }
}

INLINE void prefetch_row(const float *row, i64 stride) {
  for (i64 j = 0; j < stride; j += 16) __builtin_prefetch(row + j, 1, 3);
}

constexpr i64 AHEAD = 3;  // centres; 2 to 4 are equally fast, 1 and 6 are slower

INLINE void prefetch_centre(const SkipGramTask &task, const SkipGramBlock &b, i64 i, i64 held) {
  prefetch_row(task.output + b.kept[i] * task.stride, task.stride);
  for (i64 k = 0; k < task.negative; ++k) {
    prefetch_row(task.output + b.noise[k * b.capacity + i] * task.stride, task.stride);
  }
  const i64 comes = least(i + task.window, held - 1);
  prefetch_row(task.vectors + b.kept[comes] * task.stride, task.stride);
}

// Take one step for each centre [first, last) of the block; return the number of pairs.
i64 learn_block(const SkipGramTask &task, const SkipGramBlock &b, i64 held, i64 first, i64 last) {
  const i64 stride = task.stride, m = task.negative + 1;
  i64 pairs = 0;
  for (i64 i = first; i < least(first + AHEAD, last); ++i) prefetch_centre(task, b, i, held);
  for (i64 i = first; i < last; ++i) {
    const i64 low = b.from[i], high = b.to[i];
    i64 n = 0;
    for (i64 c = low; c < i; ++c) b.inputs[n++] = task.vectors + b.kept[c] * stride;
    for (i64 c = i + 1; c <= high; ++c) b.inputs[n++] = task.vectors + b.kept[c] * stride;
    if (n == 0) continue;
    const i32 word = b.kept[i];
    b.outputs[0] = task.output + word * stride;
    for (i64 k = 1; k < m; ++k) {
      const i32 noise = b.noise[(k - 1) * b.capacity + i];
      b.outputs[k] = task.output + noise * stride;
    }
    pairs += n;
    if (i + AHEAD < last) prefetch_centre(task, b, i + AHEAD, held);
    const bool weighted = b.twin[high] >= low;
    if (weighted) n = merge_twins(b, n);
    if (m > GROUP) {
      step_any(b, n, m, stride, b.rate[i], weighted);
    } else {
      BY_COUNT(STEP, m, b, n, stride, b.rate[i], weighted, b.odd[i] != 0)
    }
  }
  return pairs;
}

}  // namespace

SkipGramDone skipgram(const SkipGramTask &task, SkipGramBlock &block, std::int64_t begin, std::int64_t end) {
  SkipGramDone done = {0, 0};
  if (begin >= end) return done;
  Reader r{task, block, begin, end, begin, sentence_of(task, begin)};
  const i64 m = task.negative + 1;
  for (i64 i = 0; i < 32; ++i) block.labels[i] = i < 16 && i % least(GROUP, m) == 0;
  look_back(r);
  for (;;) {
    fill(r);
    i64 last = r.held - task.window;
    if (r.over) {
      for (last = r.held; last > 0 && block.position[last - 1] >= end;) --last;
    }
    if (last > r.centre) {
      find_twins(task, block, r.held);
      draw_windows(task, block, r.held, r.centre, last);
      if (m <= GROUP) find_odd(task, block, r.centre, last);
      done.pairs += learn_block(task, block, r.held, r.centre, last);
      done.centres += last - r.centre;
      r.centre = last;
    }
    if (r.over) return done;
    move_up(r);
  }
}

// Row products in float64, a pair at a time.
void pair_products(const float *a, const float *b, std::int64_t stride, const std::int32_t *rows,
                   const std::int32_t *targets, std::int64_t n, double *products) {
  for (i64 i = 0; i < n; ++i) {
    if (i + 8 < n) {
      for (i64 j = 0; j < stride; j += 16) {
        __builtin_prefetch(a + rows[i + 8] * stride + j);
        __builtin_prefetch(b + targets[i + 8] * stride + j);
      }
    }
    const float *x = a + rows[i] * stride, *y = b + targets[i] * stride;
    vdouble sum = {};
    for (i64 j = 0; j < stride; j += W / 2) {
      const vhalf u = *reinterpret_cast<const vhalf *>(x + j), v = *reinterpret_cast<const vhalf *>(y + j);
      sum += __builtin_convertvector(u, vdouble) * __builtin_convertvector(v, vdouble);
    }
    double total = 0;
    for (int k = 0; k < W / 2; ++k) total += sum[k];
    products[i] = total;
  }
}

}  // namespace LIKEWISE_LEVEL
}  // namespace likewise
