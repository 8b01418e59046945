// Skip-gram with negative sampling, compiled once a level: a stretch of text in, two tables one step further out.
//
// One step is one centre word: its window of context words (input rows) against the centre word and its noise words
// (output rows), all products from the rows as they are, then one update of all rows. So a step is gradient
// descent on the summed loss of the window's pairs, repeated words included. The noise words are shared by the pairs of
// one window and by nothing else. Whatever is drawn depends on the token's place only: chunks change nothing.
#include "words.hpp"

#if defined(__AVX512F__)
#define WIDTH 16
#elif defined(__AVX__)
#define WIDTH 8
#else
#define WIDTH 4
#endif

#if defined(__clang__)
#define SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define SHUFFLE(a, b, ...) __builtin_shuffle(a, b, vint{__VA_ARGS__})
#endif
#define INLINE inline __attribute__((always_inline))

namespace likewise {
namespace LIKEWISE_LEVEL {
namespace {

using i32 = std::int32_t;
using i64 = std::int64_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;

constexpr int W = WIDTH;
constexpr int GROUP = 6;  // output rows that are held in registers at a time
constexpr u64 GOLDEN = 0x9E3779B97F4A7C15ull;

typedef float vfloat __attribute__((vector_size(4 * WIDTH), may_alias));
typedef float vfloat_any __attribute__((vector_size(4 * WIDTH), may_alias, aligned(4)));
typedef int vint __attribute__((vector_size(4 * WIDTH), may_alias));
typedef float vhalf __attribute__((vector_size(2 * WIDTH), may_alias));
typedef double vdouble __attribute__((vector_size(4 * WIDTH), may_alias));

INLINE vfloat load(const float *p) { return *reinterpret_cast<const vfloat *>(p); }
INLINE void store(float *p, vfloat v) { *reinterpret_cast<vfloat *>(p) = v; }
INLINE void store_any(float *p, vfloat v) { *reinterpret_cast<vfloat_any *>(p) = v; }
INLINE vfloat all(float x) { return vfloat{} + x; }
INLINE i64 least(i64 a, i64 b) { return a < b ? a : b; }
INLINE i64 most(i64 a, i64 b) { return a > b ? a : b; }

// ---- drawing ---------------------------------------------------------------------------------------------------

// splitmix64: the number at place `counter` of the stream `key`.
INLINE u64 number(u64 key, u64 counter) {
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

// Say for every token where the latest repetition within reach begins: twin[j] is the largest k < j' <= j with equal words.
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

// ---- arithmetic ------------------------------------------------------------------------------------------------

// Four vectors in; in each 128-bit lane, the lane's four sums out.
INLINE vfloat sum_quads(vfloat a, vfloat b, vfloat c, vfloat d) {
#if WIDTH == 16
#define LANES(p, q, r, s)                                                                                        \
  p, q, 16 + r, 16 + s, 4 + p, 4 + q, 20 + r, 20 + s, 8 + p, 8 + q, 24 + r, 24 + s, 12 + p, 12 + q, 28 + r, 28 + s
#elif WIDTH == 8
#define LANES(p, q, r, s) p, q, 8 + r, 8 + s, 4 + p, 4 + q, 12 + r, 12 + s
#else
#define LANES(p, q, r, s) p, q, 4 + r, 4 + s
#endif
  const vfloat x = SHUFFLE(a, b, LANES(0, 1, 0, 1)) + SHUFFLE(a, b, LANES(2, 3, 2, 3));
  const vfloat y = SHUFFLE(c, d, LANES(0, 1, 0, 1)) + SHUFFLE(c, d, LANES(2, 3, 2, 3));
  return SHUFFLE(x, y, LANES(0, 2, 0, 2)) + SHUFFLE(x, y, LANES(1, 3, 1, 3));
#undef LANES
}

// The logistic function to a few units of the last place: 2^(-x log2 e) from its power series, no table.
INLINE vfloat sigmoid(vfloat x) {
  vfloat y = x * -1.44269504f;
  y = y > 126.0f ? all(126.0f) : y;
  y = y < -126.0f ? all(-126.0f) : y;
  const vfloat shifted = y + 12582912.0f;  // 1.5 * 2^23: rounds to an integer and leaves it in the low bits
  const vfloat f = y - (shifted - 12582912.0f), ff = f * f;
  const vfloat p = (f * 1.33335581e-3f + 9.61812911e-3f) + ff * 1.54035304e-4f;
  const vfloat q = (f * 5.55041087e-2f + 2.40226507e-1f);
  const vfloat power = ((p * ff + q) * ff) + (f * 6.93147181e-1f + 1.0f);
  return 1.0f / (1.0f + (vfloat)((vint)power + ((vint)shifted << 23)));
}

// Turn the twelve sums of three times four vectors into steps, rate * (label - sigmoid), and store them (and up to
// four floats of rubbish behind them).
INLINE void store_steps(float *to, vfloat p, vfloat q, vfloat r, const float *labels, float rate) {
#if WIDTH == 16
  const vfloat pq = SHUFFLE(p, q, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23) +
                    SHUFFLE(p, q, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
  const vfloat rr = r + SHUFFLE(r, r, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
  const vfloat sums[] = {SHUFFLE(pq, rr, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 20, 21, 22, 23) +
                         SHUFFLE(pq, rr, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 16, 17, 18, 19)};
#elif WIDTH == 8
  const vfloat sums[] = {SHUFFLE(p, q, 0, 1, 2, 3, 8, 9, 10, 11) + SHUFFLE(p, q, 4, 5, 6, 7, 12, 13, 14, 15),
                         r + SHUFFLE(r, r, 4, 5, 6, 7, 0, 1, 2, 3)};
#else
  const vfloat sums[] = {p, q, r};
#endif
#pragma GCC unroll 3
  for (int i = 0; i < static_cast<int>(sizeof sums / sizeof *sums); ++i) {
    store_any(to + i * W, (load(labels + i * W) - sigmoid(sums[i])) * rate);
  }
}

// The steps of A input rows and K output rows, row by row; A * K <= 12.
template <int A, int K>
INLINE void multiply(float *const *inputs, float *const *outputs, i64 stride, const float *labels, float rate,
                     float *to) {
  vfloat sum[12] = {};
  for (i64 j = 0; j < stride; j += W) {
    vfloat in[A];
#pragma GCC unroll 2
    for (int a = 0; a < A; ++a) in[a] = load(inputs[a] + j);
#pragma GCC unroll 6
    for (int k = 0; k < K; ++k) {
      const vfloat out = load(outputs[k] + j);
#pragma GCC unroll 2
      for (int a = 0; a < A; ++a) sum[a * K + k] += in[a] * out;
    }
  }
  store_steps(to, sum_quads(sum[0], sum[1], sum[2], sum[3]), sum_quads(sum[4], sum[5], sum[6], sum[7]),
              sum_quads(sum[8], sum[9], sum[10], sum[11]), labels, rate);
}

template <int K>
INLINE void multiply_all(float *const *inputs, i64 n, float *const *outputs, i64 stride, const float *labels,
                         float rate, float *to) {
  i64 c = 0;
  for (; c + 2 <= n; c += 2) multiply<2, K>(inputs + c, outputs, stride, labels, rate, to + c * K);
  if (c < n) multiply<1, K>(inputs + c, outputs, stride, labels, rate, to + c * K);
}

// Update a window and K outputs, C columns of W dimensions at a time.
template <int K, int C>
INLINE void update_columns(float *const *inputs, i64 n, float *const *outputs, i64 j, const float *steps) {
  vfloat out[C][K], sum[C][K];
#pragma GCC unroll 6
  for (int k = 0; k < K; ++k) {
#pragma GCC unroll 2
    for (int c = 0; c < C; ++c) {
      out[c][k] = load(outputs[k] + j + c * W);
      sum[c][k] = vfloat{};
    }
  }
  for (i64 a = 0; a < n; ++a, steps += K) {
    float *row = inputs[a] + j;
    vfloat in[C], moved[C];
#pragma GCC unroll 2
    for (int c = 0; c < C; ++c) moved[c] = in[c] = load(row + c * W);
#pragma GCC unroll 6
    for (int k = 0; k < K; ++k) {
      const vfloat by = all(steps[k]);
#pragma GCC unroll 2
      for (int c = 0; c < C; ++c) {
        sum[c][k] += by * in[c];
        moved[c] += by * out[c][k];
      }
    }
#pragma GCC unroll 2
    for (int c = 0; c < C; ++c) store(row + c * W, moved[c]);
  }
#pragma GCC unroll 6
  for (int k = 0; k < K; ++k) {
#pragma GCC unroll 2
    for (int c = 0; c < C; ++c) {
      float *place = outputs[k] + j + c * W;
      store(place, load(place) + sum[c][k]);  // loaded again: noise may repeat
    }
  }
}

// Two columns at a time where there are registers for it.
template <int K>
INLINE void update(float *const *inputs, i64 n, float *const *outputs, i64 stride, const float *steps) {
  i64 j = 0;
#if WIDTH == 16
  for (; j + 2 * W <= stride; j += 2 * W) update_columns<K, 2>(inputs, n, outputs, j, steps);
#endif
  for (; j < stride; j += W) update_columns<K, 1>(inputs, n, outputs, j, steps);
}

// The same for K of many outputs, from copies of the rows as they were.
template <int K, int C>
INLINE void update_from(const float *old_in, const float *old_out, float *const *inputs, i64 n, float *const *outputs,
                        i64 j, const float *steps) {
  vfloat out[C][K], sum[C][K];
#pragma GCC unroll 6
  for (int k = 0; k < K; ++k) {
#pragma GCC unroll 2
    for (int c = 0; c < C; ++c) {
      out[c][k] = load(old_out + (k * C + c) * W);
      sum[c][k] = vfloat{};
    }
  }
  for (i64 a = 0; a < n; ++a, steps += K) {
    float *row = inputs[a] + j;
    vfloat in[C], move[C];
#pragma GCC unroll 2
    for (int c = 0; c < C; ++c) {
      in[c] = load(old_in + (a * C + c) * W);
      move[c] = vfloat{};
    }
#pragma GCC unroll 6
    for (int k = 0; k < K; ++k) {
      const vfloat by = all(steps[k]);
#pragma GCC unroll 2
      for (int c = 0; c < C; ++c) {
        sum[c][k] += by * in[c];
        move[c] += by * out[c][k];
      }
    }
#pragma GCC unroll 2
    for (int c = 0; c < C; ++c) store(row + c * W, load(row + c * W) + move[c]);
  }
#pragma GCC unroll 6
  for (int k = 0; k < K; ++k) {
#pragma GCC unroll 2
    for (int c = 0; c < C; ++c) {
      float *place = outputs[k] + j + c * W;
      store(place, load(place) + sum[c][k]);
    }
  }
}

#define BY_COUNT(function, count, ...)       \
  switch (count) {                           \
    case 1: function(1)(__VA_ARGS__); break; \
    case 2: function(2)(__VA_ARGS__); break; \
    case 3: function(3)(__VA_ARGS__); break; \
    case 4: function(4)(__VA_ARGS__); break; \
    case 5: function(5)(__VA_ARGS__); break; \
    default: function(6)(__VA_ARGS__); break; \
  }
#define MULTIPLY(k) multiply_all<k>
#define UPDATE(k) update_from<k, C>
#define STEP(k) step_few<k>

// C columns of any number of outputs.
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
    BY_COUNT(UPDATE, k, b.old, old_out + g * C * W, b.inputs, n, b.outputs + g, j, b.steps + n * g)
  }
}

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

// One step of any number of outputs. Steps lie group by group of six outputs, inside a group row by row.
void step_any(const SkipGramBlock &b, i64 n, i64 m, i64 stride, float rate, bool weighted) {
  for (i64 g = 0; g < m; g += GROUP) {
    const i64 k = least(GROUP, m - g);
    const float *labels = b.labels + (g > 0 ? 16 : 0);
    BY_COUNT(MULTIPLY, k, b.inputs, n, b.outputs + g, stride, labels, rate, b.steps + n * g)
  }
  for (i64 g = 0; g < m; g += GROUP) settle(b, n, g, least(GROUP, m - g), weighted, b.steps + n * g);
  i64 j = 0;
#if WIDTH == 16
  for (; j + 2 * W <= stride; j += 2 * W) update_many<2>(b, n, m, j);
#endif
  for (; j < stride; j += W) update_many<1>(b, n, m, j);
}

// One step of at most six outputs.
template <int K>
INLINE void step_few(const SkipGramBlock &b, i64 n, i64 stride, float rate, bool weighted, bool skips) {
  multiply_all<K>(b.inputs, n, b.outputs, stride, b.labels, rate, b.steps);
  if (__builtin_expect(weighted || skips, 0)) settle(b, n, 0, K, weighted, b.steps);
  update<K>(b.inputs, n, b.outputs, stride, b.steps);
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
    bool skips = false;
    b.outputs[0] = task.output + word * stride;
    for (i64 k = 1; k < m; ++k) {
      const i32 noise = b.noise[(k - 1) * b.capacity + i];
      skips |= noise == word;
      b.outputs[k] = task.output + noise * stride;
    }
    pairs += n;
    if (i + AHEAD < last) prefetch_centre(task, b, i + AHEAD, held);
    const bool weighted = b.twin[high] >= low;
    if (weighted) n = merge_twins(b, n);
    if (m > GROUP) {
      step_any(b, n, m, stride, b.rate[i], weighted);
    } else {
      BY_COUNT(STEP, m, b, n, stride, b.rate[i], weighted, skips)
    }
  }
  return pairs;
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
