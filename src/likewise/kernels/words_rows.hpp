// Arithmetic on a few rows at once, in vectors of the level's width: rows of contexts and of outputs in, steps and
// moved rows out. GCC's and Clang's vector extensions, no intrinsics. Included by words_level.cpp alone.
#pragma once

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

constexpr int W = WIDTH;
constexpr int COLUMNS = WIDTH == 16 ? 2 : 1;  // columns that are updated together: as many as there are registers for

typedef float vfloat __attribute__((vector_size(4 * WIDTH), may_alias));
typedef float vfloat_any __attribute__((vector_size(4 * WIDTH), may_alias, aligned(4)));
typedef int vint __attribute__((vector_size(4 * WIDTH), may_alias));
typedef float vhalf __attribute__((vector_size(2 * WIDTH), may_alias));
typedef double vdouble __attribute__((vector_size(4 * WIDTH), may_alias));

INLINE vfloat load(const float *p) { return *reinterpret_cast<const vfloat *>(p); }
INLINE void store(float *p, vfloat v) { *reinterpret_cast<vfloat *>(p) = v; }
INLINE void store_any(float *p, vfloat v) { *reinterpret_cast<vfloat_any *>(p) = v; }
INLINE vfloat all(float x) { return vfloat{} + x; }

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

// The steps of A input rows and K output rows, row by row; A * K <= 12, or twice that where there are registers for it.
template <int A, int K>
INLINE void multiply(float *const *inputs, float *const *outputs, i64 stride, const float *labels, float rate,
                     float *to) {
  constexpr int PAIRS = (A + 1) / 2;
  vfloat sum[PAIRS][12] = {};
  for (i64 j = 0; j < stride; j += W) {
    vfloat in[A];
#pragma GCC unroll 4
    for (int a = 0; a < A; ++a) in[a] = load(inputs[a] + j);
#pragma GCC unroll 6
    for (int k = 0; k < K; ++k) {
      const vfloat out = load(outputs[k] + j);
#pragma GCC unroll 4
      for (int a = 0; a < A; ++a) sum[a / 2][a % 2 * K + k] += in[a] * out;
    }
  }
#pragma GCC unroll 2
  for (int p = 0; p < PAIRS; ++p) {
    const vfloat *s = sum[p];
    store_steps(to + p * 2 * K, sum_quads(s[0], s[1], s[2], s[3]), sum_quads(s[4], s[5], s[6], s[7]),
                sum_quads(s[8], s[9], s[10], s[11]), labels, rate);
  }
}

template <int K>
INLINE void multiply_all(float *const *inputs, i64 n, float *const *outputs, i64 stride, const float *labels,
                         float rate, float *to) {
  i64 c = 0;
#if WIDTH == 16
  for (; c + 4 <= n; c += 4) multiply<4, K>(inputs + c, outputs, stride, labels, rate, to + c * K);
#endif
  for (; c + 2 <= n; c += 2) multiply<2, K>(inputs + c, outputs, stride, labels, rate, to + c * K);
  if (c < n) multiply<1, K>(inputs + c, outputs, stride, labels, rate, to + c * K);
}

// Update a window and K outputs, C columns of W dimensions at a time. COPIED: the rows as they were are in `old_in` and
// `old_out`, for windows of which several groups of outputs are updated one after the other. APART: no output repeats.
template <int K, int C, bool COPIED, bool APART>
INLINE void update_columns(float *const *inputs, i64 n, float *const *outputs, i64 j, const float *steps,
                           const float *old_in, const float *old_out) {
  vfloat out[C][K], sum[C][K];
#pragma GCC unroll 6
  for (int k = 0; k < K; ++k) {
#pragma GCC unroll 2
    for (int c = 0; c < C; ++c) {
      out[c][k] = load(COPIED ? old_out + (k * C + c) * W : outputs[k] + j + c * W);
      sum[c][k] = APART ? out[c][k] : vfloat{};
    }
  }
  for (i64 a = 0; a < n; ++a, steps += K) {
    float *row = inputs[a] + j;
    vfloat in[C], moved[C];
#pragma GCC unroll 2
    for (int c = 0; c < C; ++c) {
      moved[c] = load(row + c * W);
      in[c] = COPIED ? load(old_in + (a * C + c) * W) : moved[c];
    }
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
      store(place, APART ? sum[c][k] : load(place) + sum[c][k]);
    }
  }
}

}  // namespace
}  // namespace LIKEWISE_LEVEL
}  // namespace likewise
