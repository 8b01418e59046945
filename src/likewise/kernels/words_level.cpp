// The window models, compiled once a level: a segment of text in, two tables one stretch further out.
//
// One step is one centre word: its window (input rows) against the centre word and its noise words, or against the
// nodes of a tree on the way to it (output rows); all products from the rows as they are, then one update of all rows.
// So a step is gradient descent on the summed loss of the window's pairs, repeated words included. The noise words are
// shared by the pairs of one window and by nothing else. Whatever is drawn depends on the token's place only.
#include "words_draws.hpp"
#include "words_parts.hpp"
#include "words_rows.hpp"
#include "words_steps.hpp"

namespace likewise {
namespace LIKEWISE_LEVEL {
namespace {

INLINE void prefetch_row(const float *row, i64 from, i64 to) {
  for (i64 j = from; j < to; j += 16) __builtin_prefetch(row + j, 1, 3);
}

constexpr i64 AHEAD = 3;  // centres; 2 to 4 are equally fast, 1 and 6 are slower

INLINE void prefetch_centre(const WindowTask &task, const WindowBlock &b, i64 i, i64 from, i64 to) {
  const i64 stride = task.stride, word = b.kept[i];
  if (task.negative > 0) prefetch_row(task.output + word * stride, from, to);
  for (i64 k = 0; k < task.negative; ++k) {
    prefetch_row(task.output + b.noise[k * b.capacity + i] * stride, from, to);
  }
  if (task.negative == 0) {
    for (i64 p = task.paths[word]; p < task.paths[word + 1]; ++p) {
      prefetch_row(task.output + task.nodes[p] * stride, from, to);
    }
  }
  if (task.wholes) return;  // what a window reads there is at hand
  prefetch_row(task.vectors + b.kept[least(i + task.window, b.held - 1)] * stride, from, to);
}

// Make the labels of negative sampling: in the first group of outputs, the first of each input's is the centre word.
void fill_labels(const WindowTask &task, const WindowScratch &s) {
  const i64 k = least(GROUP, task.negative + 1);
  for (i64 i = 0; i < 48; ++i) s.labels[i] = i < 16 && i % k == 0;
}

// One step of at most six outputs, with their number known when this is compiled.
template <int K>
INLINE void step(const WindowBlock &b, const WindowScratch &s, i64 i, i64 n, i64 stride, const float *labels,
                 bool weighted, bool apart, float *steps) {
  multiply_all<K>(s.inputs, n, s.outputs, stride, labels, b.rate[i], steps);
  if (__builtin_expect(weighted || !apart, 0)) settle(s, n, 0, K, weighted, steps);
  update_few<K>(s, n, 0, stride, steps, apart);
}
#define STEP(k) step<k>

INLINE const i32 *rows_of(const WindowTask &task, const WindowBlock &b) { return task.wholes ? b.slot : b.kept; }

INLINE bool apart(const WindowTask &task, const WindowBlock &b, i64 i) {
  return task.negative == 0 || (task.negative < GROUP && b.odd[i] == 0);
}

// One step of more outputs; apart from the loop, which is faster without it inside.
__attribute__((noinline)) void step_many(const WindowTask &task, const WindowBlock &b, const WindowScratch &s, i64 i,
                                         i64 n, i64 m, bool weighted, float *steps) {
  find_all(task, b, s, i, n, m, weighted, steps);
  take_all(s, n, m, 0, task.stride, steps, false);
}

// One step of a bag of words; apart from the loop, too.
__attribute__((noinline)) void step_bag(const WindowTask &task, const WindowBlock &b, const WindowScratch &s, i64 i,
                                        i64 n, i64 m, float *steps) {
  float *const first = s.inputs[0];
  find_bag(task, b, s, i, n, m, steps);
  s.inputs[0] = first;
  take_bag(task, b, s, i, n, m, 0, task.stride, steps, apart(task, b, i));
}

}  // namespace

// Take one step for each centre of the block, one after the other; `steps` has room for one.
void learn_in_order(const WindowTask &task, const WindowBlock &b, WindowScratch &s, float *inputs, float *steps) {
  const i64 stride = task.stride;
  const i32 *rows = rows_of(task, b);
  fill_labels(task, s);
  for (i64 i = b.first; i < least(b.first + AHEAD, b.last); ++i) prefetch_centre(task, b, i, 0, stride);
  for (i64 i = b.first; i < b.last; ++i) {
    i64 n = list_inputs(b, s, i, rows, inputs, stride);
    if (n == 0) continue;
    const i64 m = list_outputs(task, b, s, i);
    if (i + AHEAD < b.last) prefetch_centre(task, b, i + AHEAD, 0, stride);
    if (task.cbow) {
      step_bag(task, b, s, i, n, m, steps);
      continue;
    }
    const bool weighted = b.twin[b.to[i]] >= b.from[i];
    if (weighted) n = merge_twins(s, n);
    if (m <= GROUP) {
      const float *labels = list_labels(task, b, s, i, 0, m);
      BY_COUNT(STEP, m, b, s, i, n, stride, labels, weighted, apart(task, b, i), steps)
    } else {
      step_many(task, b, s, i, n, m, weighted, steps);
    }
  }
}

// Find the steps of the centres [first, last) from the tables as they are.
void find_steps(const WindowTask &task, const WindowBlock &b, WindowScratch &s, float *inputs, float *steps,
                std::int64_t first, std::int64_t last) {
  const i64 stride = task.stride;
  const i32 *rows = rows_of(task, b);
  fill_labels(task, s);
  for (i64 i = first; i < last; ++i) {
    if (i + AHEAD < b.last) prefetch_centre(task, b, i + AHEAD, 0, stride);
    i64 n = list_inputs(b, s, i, rows, inputs, stride);
    if (n == 0) continue;
    const i64 m = list_outputs(task, b, s, i);
    if (task.cbow) {
      find_bag(task, b, s, i, n, m, steps + b.steps[i]);
      continue;
    }
    const bool weighted = b.twin[b.to[i]] >= b.from[i];
    if (weighted) n = merge_twins(s, n);
    find_all(task, b, s, i, n, m, weighted, steps + b.steps[i]);
  }
}

// Take the steps of the centres [first, last) in their order, in columns [from, to) alone.
void take_steps(const WindowTask &task, const WindowBlock &b, WindowScratch &s, float *inputs, const float *steps,
                std::int64_t first, std::int64_t last, std::int64_t from, std::int64_t to) {
  const i32 *rows = rows_of(task, b);
  for (i64 i = first; i < last; ++i) {
    if (i + AHEAD < b.last) prefetch_centre(task, b, i + AHEAD, from, to);
    i64 n = list_inputs(b, s, i, rows, inputs, task.stride);
    if (n == 0) continue;
    const i64 m = list_outputs(task, b, s, i);
    if (task.cbow) {
      take_bag(task, b, s, i, n, m, from, to, steps + b.steps[i], apart(task, b, i));
      continue;
    }
    if (b.twin[b.to[i]] >= b.from[i]) n = merge_twins(s, n);
    take_all(s, n, m, from, to, steps + b.steps[i], apart(task, b, i));
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
