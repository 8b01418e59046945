// The arithmetic of the exact search, once per level: packed queries and base rows in, offers out.
//
// A block of base rows is transposed into panels of PANEL rows, so that one vector holds one dimension of several rows.
// QUERIES × VECTORS accumulators stay in registers while the dimensions go by; then each is compared with its query's
// threshold, and only what is not below leaves the registers: the matrix of all scores is never written.
#include "neighbours.hpp"

#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#if !defined(LIKEWISE_LEVEL)
#error "compile this file with -DLIKEWISE_LEVEL=<level>"
#endif

namespace likewise {
namespace LIKEWISE_LEVEL {

#if defined(__AVX512F__)
constexpr int WIDTH = 16, VECTORS = 2, QUERIES = 12;  // 24 of 32 registers
#elif defined(__AVX2__)
constexpr int WIDTH = 8, VECTORS = 2, QUERIES = 6;  // 12 of 16 registers
#else
constexpr int WIDTH = 4, VECTORS = 2, QUERIES = 4;
#endif
constexpr int PANEL = WIDTH * VECTORS;
constexpr int64_t BLOCK_BYTES = 512 << 10;
constexpr int64_t FEW = 3;  // fewer queries than this are not worth a transposition

typedef float Vector __attribute__((vector_size(WIDTH * 4)));
typedef float Unaligned __attribute__((vector_size(WIDTH * 4), aligned(4), may_alias));
typedef int32_t Mask __attribute__((vector_size(WIDTH * 4)));

static inline Vector load(const float *at) { return *reinterpret_cast<const Unaligned *>(at); }

static inline Vector all(float value) { return value - Vector{}; }

static inline bool any(Mask mask) {
#if defined(__AVX512F__)
  return _mm512_movepi32_mask(reinterpret_cast<__m512i>(mask)) != 0;
#else
  int64_t bits[WIDTH / 2], sum = 0;
  __builtin_memcpy(bits, &mask, sizeof bits);
  for (int i = 0; i < WIDTH / 2; i++) sum |= bits[i];
  return sum != 0;
#endif
}

static inline float sum_of(Vector v) {
  float sum = 0.0f;
  for (int i = 0; i < WIDTH; i++) sum += v[i];
  return sum;
}

int64_t query_tile() { return QUERIES; }

int64_t rows_in_block(int64_t dim) {
  const int64_t rows = BLOCK_BYTES / (4 * dim) / PANEL * PANEL;
  return rows < PANEL ? PANEL : rows;
}

// The panels of one block, and a scale and a shift for each of its rows.
int64_t panel_floats(int64_t dim) { return rows_in_block(dim) * (dim + 2); }

static double squared_length(const float *row, int64_t dim) {
  double sums[4] = {0, 0, 0, 0};
  int64_t j = 0;
  for (; j + 4 <= dim; j += 4) {
    for (int i = 0; i < 4; i++) sums[i] += static_cast<double>(row[j + i]) * row[j + i];
  }
  for (; j < dim; j++) sums[0] += static_cast<double>(row[j]) * row[j];
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

static void scale_and_shift(const Block &b, int64_t row, float *scale, float *shift) {
  *scale = 1.0f;
  *shift = 0.0f;
  if (b.metric == Metric::dot) return;
  const double square = squared_length(b.base + row * b.dim, b.dim);
  if (b.metric == Metric::cosine) {
    *scale = square > 0 ? static_cast<float>(1.0 / __builtin_sqrt(square)) : 0.0f;
  } else {
    *shift = static_cast<float>(-0.5 * square);
  }
}

// Transpose rows first … first + PANEL − 1 into [dim][PANEL]; rows past the end of the block are zero.
static void pack(const Block &b, int64_t start, float *panel, float *shifts) {
  float scales[PANEL];
  const float *rows[PANEL];
  for (int r = 0; r < PANEL; r++) {
    const bool there = start + r < b.count;
    const int64_t row = b.first + (there ? start + r : 0);
    rows[r] = b.base + row * b.dim;
    scale_and_shift(b, row, &scales[r], &shifts[r]);
    if (!there) scales[r] = 0.0f;
  }
  for (int64_t j = 0; j < b.dim; j++) {
    for (int r = 0; r < PANEL; r++) panel[j * PANEL + r] = rows[r][j] * scales[r];
  }
}

static void offer(const Block &b, int64_t query, const Vector *scores, int64_t row) {
  for (int v = 0; v < VECTORS; v++) {
    for (int i = 0; i < WIDTH; i++) {
      const int64_t r = row + v * WIDTH + i;
      if (r >= b.count) return;
      if (scores[v][i] >= b.thresholds[query]) b.offer(b.state, query, scores[v][i], b.first + r);
    }
  }
}

static void tile(const Block &b, int64_t query, int64_t row, const float *panel, const float *shifts) {
  const float *queries = b.tiles + query * b.dim;
  Vector sums[QUERIES][VECTORS];
#pragma GCC unroll 16
  for (int q = 0; q < QUERIES; q++) {
#pragma GCC unroll 4
    for (int v = 0; v < VECTORS; v++) sums[q][v] = load(shifts + v * WIDTH);
  }
  for (int64_t j = 0; j < b.dim; j++) {
    Vector rows[VECTORS];
#pragma GCC unroll 4
    for (int v = 0; v < VECTORS; v++) rows[v] = load(panel + j * PANEL + v * WIDTH);
#pragma GCC unroll 16
    for (int q = 0; q < QUERIES; q++) {
      const Vector x = all(queries[j * QUERIES + q]);
#pragma GCC unroll 4
      for (int v = 0; v < VECTORS; v++) sums[q][v] += x * rows[v];
    }
  }
  const int64_t left = b.query_count - query;
#pragma GCC unroll 16
  for (int q = 0; q < QUERIES; q++) {
    if (q >= left) return;
    const Vector threshold = all(b.thresholds[query + q]);
    Mask found = sums[q][0] >= threshold;
#pragma GCC unroll 4
    for (int v = 1; v < VECTORS; v++) found |= sums[q][v] >= threshold;
    if (any(found)) offer(b, query + q, sums[q], row);
  }
}

// A query or two: products with the rows as they lie, read once from memory for the product and for their length.
static void search_few(const Block &b) {
  const int64_t whole = b.dim / WIDTH * WIDTH;
  for (int64_t r = b.first; r < b.first + b.count; r++) {
    const float *row = b.base + r * b.dim;
    Vector squares = {};
    for (int64_t j = 0; j < whole; j += WIDTH) squares += load(row + j) * load(row + j);
    float square = sum_of(squares), scale = 1.0f, shift = 0.0f;
    for (int64_t j = whole; j < b.dim; j++) square += row[j] * row[j];
    if (!(square > 1e-30f && square < 1e30f)) {  // float32 is too narrow for this length
      scale_and_shift(b, r, &scale, &shift);
    } else if (b.metric == Metric::cosine) {
      scale = 1.0f / __builtin_sqrtf(square);
    } else if (b.metric == Metric::euclidean) {
      shift = -0.5f * square;
    }
    for (int64_t q = 0; q < b.query_count; q++) {
      const float *query = b.queries + q * b.dim;
      Vector sums = {}, more = {};
      int64_t j = 0;
      for (; j + 2 * WIDTH <= whole; j += 2 * WIDTH) {
        sums += load(query + j) * (load(row + j) * scale);
        more += load(query + j + WIDTH) * (load(row + j + WIDTH) * scale);
      }
      for (; j < whole; j += WIDTH) sums += load(query + j) * (load(row + j) * scale);
      float score = sum_of(sums + more);
      for (; j < b.dim; j++) score += query[j] * (row[j] * scale);
      score += shift;
      if (score >= b.thresholds[q]) b.offer(b.state, q, score, r);
    }
  }
}

void search_block(const Block &b) {
  if (b.query_count < FEW) return search_few(b);
  float *shifts = b.panel + rows_in_block(b.dim) * b.dim;
  for (int64_t row = 0; row < b.count; row += PANEL) pack(b, row, b.panel + row * b.dim, shifts + row);
  for (int64_t query = 0; query < b.query_count; query += QUERIES) {
    for (int64_t row = 0; row < b.count; row += PANEL) tile(b, query, row, b.panel + row * b.dim, shifts + row);
  }
}

}  // namespace LIKEWISE_LEVEL
}  // namespace likewise
