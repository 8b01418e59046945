// GloVe, compiled once a level: counts of a tile in, the rows of its words some steps of AdaGrad further out.
//
// One step is one count x of (i, j): f(x) (wᵢ·cⱼ + bᵢ + bⱼ − ln x), Pennington, Socher and Manning 2014, equation 8, and
// each parameter moved by rate · gradient / √(1 + squares of what came before). The root is the processor's estimate
// with a Newton step, so bits are those of a level on one make of processor.
#include "glove.hpp"

#if defined(__SSE2__)
#include <immintrin.h>
#endif

#if !defined(LIKEWISE_LEVEL)
#error "compile this file with -DLIKEWISE_LEVEL=<level>"
#endif

#define INLINE inline __attribute__((always_inline))

namespace likewise {
namespace LIKEWISE_LEVEL {
namespace {

using i32 = std::int32_t;
using i64 = std::int64_t;
using u64 = std::uint64_t;

#if defined(__AVX512F__)
constexpr int W = 16;
#elif defined(__AVX2__)
constexpr int W = 8;
#else
constexpr int W = 4;
#endif
constexpr i64 BATCH = 64;  // entries whose logarithms are taken together

typedef float vfloat __attribute__((vector_size(4 * W), may_alias));
typedef i32 vint __attribute__((vector_size(4 * W), may_alias));

INLINE vfloat load(const float *p) { return *reinterpret_cast<const vfloat *>(p); }
INLINE void store(float *p, vfloat v) { *reinterpret_cast<vfloat *>(p) = v; }
INLINE vfloat all(float x) { return x - vfloat{}; }

INLINE vfloat reciprocal_root(vfloat x) {
#if defined(__AVX512F__)
  const vfloat y = (vfloat)_mm512_rsqrt14_ps((__m512)x);
#elif defined(__AVX2__)
  const vfloat y = (vfloat)_mm256_rsqrt_ps((__m256)x);
#elif defined(__SSE2__)
  const vfloat y = (vfloat)_mm_rsqrt_ps((__m128)x);
#else
  vfloat y = (vfloat)(0x5F3759DF - ((vint)x >> 1));
  y *= 1.5f - (x * 0.5f * y) * y;
  y *= 1.5f - (x * 0.5f * y) * y;
#endif
  return y * (1.5f - (x * 0.5f * y) * y);
}

INLINE float sum_of(vfloat v) {
#if defined(__AVX512F__)
  return _mm512_reduce_add_ps((__m512)v);
#else
  float sum = 0.0f;
  for (int k = 0; k < W; ++k) sum += v[k];
  return sum;
#endif
}

// ln x of positive finite x, to a few units of the last place: exponent, and a series in (m − 1) / (m + 1).
INLINE vfloat logarithm(vfloat x) {
  const vint bits = (vint)x - 0x3F3504F3;  // mantissas from √½ to √2
  const vint exponent = bits >> 23;
  const vfloat m = (vfloat)((bits & 0x7FFFFF) + 0x3F3504F3);
  const vfloat s = (m - 1.0f) / (m + 1.0f), z = s * s;
  const vfloat p = (((z * 0.2222222f + 0.2857143f) * z + 0.4f) * z + 0.6666667f) * z;
  return __builtin_convertvector(exponent, vfloat) * 0.69314718f + (s * 2.0f + s * p);
}

// e^x for x at most 0 (below −87 it is as at −87).
INLINE vfloat exponential(vfloat x) {
  vfloat y = x * 1.44269504f;
  y = y < -126.0f ? all(-126.0f) : y;
  const vfloat shifted = y + 12582912.0f;  // 1.5 · 2^23: rounds to an integer and leaves it in the low bits
  const vfloat f = y - (shifted - 12582912.0f), ff = f * f;
  const vfloat p = (f * 1.33335581e-3f + 9.61812911e-3f) + ff * 1.54035304e-4f;
  const vfloat q = f * 5.55041087e-2f + 2.40226507e-1f;
  const vfloat power = (p * ff + q) * ff + (f * 6.93147181e-1f + 1.0f);
  return (vfloat)((vint)power + ((vint)shifted << 23));
}

struct Batch {
  alignas(64) float logs[BATCH];
  alignas(64) float weights[BATCH];
};

// The logarithm of each count, and rate · f(x) with f(x) = min(1, (x / x_max)^x_power).
INLINE void weigh(const GloveTask &t, const float *counts, float log_max, Batch &b) {
  for (i64 k = 0; k < BATCH; k += W) {
    const vfloat log = logarithm(load(counts + k));
    vfloat power = (log - log_max) * t.x_power;
    power = power > 0.0f ? vfloat{} : power;
    store(b.logs + k, log);
    store(b.weights + k, exponential(power) * t.rate);
  }
}

INLINE float product(const float *a, const float *b, i64 stride) {
  vfloat sum = {}, other = {};
  i64 j = 0;
  for (; j + 2 * W <= stride; j += 2 * W) {
    sum += load(a + j) * load(b + j);
    other += load(a + j + W) * load(b + j + W);
  }
  for (; j < stride; j += W) sum += load(a + j) * load(b + j);
  return sum_of(sum + other);
}

// Move both rows by their gradients, which are `by` times the other row.
INLINE void move(float *a, float *b, i64 stride, float by) {
  const vfloat much = all(by);
  for (i64 j = 0; j < stride; j += W) {
    const vfloat x = load(a + j), y = load(b + j), p = load(a + stride + j), q = load(b + stride + j);
    const vfloat g = much * y, h = much * x;
    store(a + j, x - g * reciprocal_root(p));
    store(b + j, y - h * reciprocal_root(q));
    store(a + stride + j, p + g * g);
    store(b + stride + j, q + h * h);
  }
}

INLINE void step(float *a, float *b, i64 stride, float weight, float log) {
  move(a, b, stride, weight * (product(a, b, stride) - log));
}

INLINE void prefetch(const float *row, i64 floats) {
  for (i64 j = 0; j < floats; j += 16) __builtin_prefetch(row + j, 1, 3);
}

constexpr i64 AHEAD = 2;

template <bool BOTH>
INLINE void prefetch_entry(const GloveTask &t, u64 entry, i64 row, i64 column) {
  const i64 side = 2 * t.stride;
  const float *i = t.table + (row + static_cast<i64>(entry & 0xFFFF)) * 2 * side;
  const float *j = t.table + (column + static_cast<i64>(entry >> 16 & 0xFFFF)) * 2 * side;
  prefetch(i, BOTH ? 2 * side : side);
  prefetch(BOTH ? j : j + side, BOTH ? 2 * side : side);
}

template <bool BOTH>
INLINE void walk(const GloveTask &t, const u64 *entries, i64 n, i64 row, i64 column) {
  const i64 stride = t.stride, side = 2 * stride;
  alignas(64) float counts[BATCH];
  Batch batch;
  alignas(64) float most[W];
  store(most, logarithm(all(t.x_max)));
  for (i64 first = 0; first < n; first += BATCH) {
    const i64 m = n - first < BATCH ? n - first : BATCH;
    for (i64 k = 0; k < BATCH; ++k) {
      const std::uint32_t bits = static_cast<std::uint32_t>(entries[first + (k < m ? k : 0)] >> 32);
      __builtin_memcpy(counts + k, &bits, 4);
    }
    weigh(t, counts, most[0], batch);
    for (i64 k = 0; k < m; ++k) {
      const u64 entry = entries[first + k];
      if (first + k + AHEAD < n) prefetch_entry<BOTH>(t, entries[first + k + AHEAD], row, column);
      float *i = t.table + (row + static_cast<i64>(entry & 0xFFFF)) * 2 * side;
      float *j = t.table + (column + static_cast<i64>(entry >> 16 & 0xFFFF)) * 2 * side;
      step(i, j + side, stride, batch.weights[k], batch.logs[k]);
      if (BOTH && i != j) step(j, i + side, stride, batch.weights[k], batch.logs[k]);
    }
  }
}

}  // namespace

void glove(const GloveTask &t, const std::uint64_t *entries, std::int64_t n, std::int64_t row, std::int64_t column) {
  if (t.both) {
    walk<true>(t, entries, n, row, column);
  } else {
    walk<false>(t, entries, n, row, column);
  }
}

// The sum of f(x) (wᵢ·cⱼ + bᵢ + bⱼ − ln x)² in float64.
double glove_loss(const GloveTask &t, const std::int32_t *rows, const std::int32_t *columns, const float *x,
                  std::int64_t n) {
  const i64 side = 2 * t.stride;
  double total = 0;
  for (i64 k = 0; k < n; ++k) {
    if (k + 4 < n) {
      prefetch(t.table + rows[k + 4] * 2 * side, t.stride);
      prefetch(t.table + columns[k + 4] * 2 * side + side, t.stride);
    }
    const float *a = t.table + rows[k] * 2 * side, *b = t.table + columns[k] * 2 * side + side;
    double dot = 0;
    for (i64 j = 0; j < t.stride; ++j) dot += static_cast<double>(a[j]) * static_cast<double>(b[j]);
    const double miss = dot - __builtin_log(static_cast<double>(x[k]));
    const double share = static_cast<double>(x[k]) / static_cast<double>(t.x_max);
    total += (share < 1 ? __builtin_pow(share, static_cast<double>(t.x_power)) : 1.0) * miss * miss;
  }
  return total;
}

}  // namespace LIKEWISE_LEVEL
}  // namespace likewise
