// Exact nearest neighbours: queries and base rows in, the k best rows of each query and their scores out.
//
// Blocks of base rows are shared out among threads. Each thread keeps, for each query, a few more candidates than k, by
// float32 scores; at the end the candidates of all threads are scored again in float64 and the best k remain. Scores of
// equal rows are equal bits wherever they lie, candidates are ordered by (score, row), so the answer depends neither on
// the number of threads nor on their timing.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "neighbours.hpp"

namespace nb = nanobind;

namespace likewise {
namespace {

constexpr float LEAST = -std::numeric_limits<float>::infinity();
constexpr int64_t SLACK = 8;                // candidates beyond k, for what float32 gets in a wrong order
constexpr int64_t GROUP_BYTES = 64 << 20;   // of candidates for one thread
constexpr int64_t LARGEST_GROUP = 4096;     // queries searched at once
constexpr double WORTH_A_THREAD = 4e6;      // products

struct Kernel {
  int64_t query_tile;
  int64_t (*panel_floats)(int64_t);
  int64_t (*rows_in_block)(int64_t);
  void (*search_block)(const Block &);
};

Kernel kernel_of(const std::string &name) {
#define PICK(level) \
  if (name == #level) return {level::query_tile(), level::panel_floats, level::rows_in_block, level::search_block};
  LIKEWISE_FOR_EACH_LEVEL(PICK)
#undef PICK
  throw nb::value_error("no such kernel level");
}

struct Candidate {
  float score;
  int64_t row;
};

bool better(const Candidate &a, const Candidate &b) { return a.score != b.score ? a.score > b.score : a.row < b.row; }

struct Task {
  const float *queries, *base;
  int64_t query_count, n, dim, k;
  Metric metric;
  const int64_t *exclude;
  int64_t exclude_count;  // for each query, sorted
};

// What one thread has found so far.
class Finds {
 public:
  Finds(const Task &task, int64_t keep)
      : task_(task), keep_(keep), lists_(task.query_count), thresholds(task.query_count, LEAST) {}

  static void offer(void *self, int64_t query, float score, int64_t row) {
    static_cast<Finds *>(self)->add(query, score, row);
  }

  const std::vector<Candidate> &of(int64_t query) const { return lists_[query]; }

 private:
  const Task &task_;
  int64_t keep_;
  std::vector<std::vector<Candidate>> lists_;

  void add(int64_t query, float score, int64_t row) {
    const int64_t *excluded = task_.exclude + query * task_.exclude_count;
    if (std::binary_search(excluded, excluded + task_.exclude_count, row)) return;
    auto &list = lists_[query];
    list.push_back({score, row});
    if (static_cast<int64_t>(list.size()) < 2 * keep_) return;
    std::nth_element(list.begin(), list.begin() + (keep_ - 1), list.end(), better);
    list.resize(keep_);
    thresholds[query] = list[keep_ - 1].score;
  }

 public:
  std::vector<float> thresholds;
};

double product(const float *a, const float *b, int64_t dim) {
  double sums[4] = {0, 0, 0, 0};
  int64_t j = 0;
  for (; j + 4 <= dim; j += 4) {
    for (int i = 0; i < 4; i++) sums[i] += static_cast<double>(a[j + i]) * b[j + i];
  }
  for (; j < dim; j++) sums[0] += static_cast<double>(a[j]) * b[j];
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

double distance(const float *a, const float *b, int64_t dim) {
  double sum = 0;
  for (int64_t j = 0; j < dim; j++) {
    const double gap = static_cast<double>(a[j]) - b[j];
    sum += gap * gap;
  }
  return std::sqrt(sum);
}

// The score in float64, rounded once; more is nearer, so distances are negative.
float exact_score(const Task &task, const float *query, int64_t row) {
  const float *other = task.base + row * task.dim;
  if (task.metric == Metric::euclidean) return static_cast<float>(-distance(query, other, task.dim));
  const double dot = product(query, other, task.dim);
  if (task.metric == Metric::dot) return static_cast<float>(dot);
  const double lengths = std::sqrt(product(query, query, task.dim)) * std::sqrt(product(other, other, task.dim));
  return lengths > 0 ? static_cast<float>(dot / lengths) : 0.0f;
}

void settle(const Task &task, const std::vector<Finds> &finds, int64_t query, int64_t *rows, float *scores) {
  std::vector<Candidate> all;
  for (const Finds &part : finds) all.insert(all.end(), part.of(query).begin(), part.of(query).end());
  for (Candidate &c : all) c.score = exact_score(task, task.queries + query * task.dim, c.row);
  const int64_t found = std::min<int64_t>(task.k, static_cast<int64_t>(all.size()));
  std::partial_sort(all.begin(), all.begin() + found, all.end(), better);
  const float sign = task.metric == Metric::euclidean ? -1.0f : 1.0f;
  for (int64_t i = 0; i < task.k; i++) {
    rows[i] = i < found ? all[i].row : -1;
    scores[i] = sign * (i < found ? all[i].score : LEAST);
  }
}

template <typename Work>
void in_threads(int64_t threads, Work work) {
  std::vector<std::thread> others;
  for (int64_t t = 1; t < threads; t++) others.emplace_back(work, t);
  work(0);
  for (auto &other : others) other.join();
}

// Queries as the kernels want them: of length one where only the direction counts, and in tiles.
std::vector<float> prepared(const Task &task) {
  std::vector<float> out(task.queries, task.queries + task.query_count * task.dim);
  if (task.metric != Metric::cosine) return out;
  for (int64_t q = 0; q < task.query_count; q++) {
    float *query = out.data() + q * task.dim;
    const double square = product(query, query, task.dim);
    const double scale = square > 0 ? 1.0 / std::sqrt(square) : 0.0;
    for (int64_t j = 0; j < task.dim; j++) query[j] = static_cast<float>(query[j] * scale);
  }
  return out;
}

std::vector<float> in_tiles(const std::vector<float> &queries, int64_t count, int64_t dim, int64_t tile) {
  std::vector<float> out((count + tile - 1) / tile * tile * dim, 0.0f);
  for (int64_t q = 0; q < count; q++) {
    float *to = out.data() + q / tile * tile * dim + q % tile;
    for (int64_t j = 0; j < dim; j++) to[j * tile] = queries[q * dim + j];
  }
  return out;
}

void search(const Task &task, const Kernel &kernel, int64_t threads, int64_t *rows, float *scores) {
  const std::vector<float> queries = prepared(task);
  const std::vector<float> tiles = in_tiles(queries, task.query_count, task.dim, kernel.query_tile);
  const int64_t step = kernel.rows_in_block(task.dim), blocks = (task.n + step - 1) / step;
  threads = std::max<int64_t>(1, std::min(threads, blocks));
  std::vector<Finds> finds;
  for (int64_t t = 0; t < threads; t++) finds.emplace_back(task, task.k + SLACK);
  std::atomic<int64_t> next_block{0}, next_query{0};
  in_threads(threads, [&](int64_t t) {
    std::vector<float> panel(kernel.panel_floats(task.dim));
    for (int64_t block; (block = next_block++) < blocks;) {
      const int64_t first = block * step, count = std::min(step, task.n - first);
      kernel.search_block({queries.data(), tiles.data(), task.query_count, task.base, first, count, task.dim,
                           task.metric, panel.data(), finds[t].thresholds.data(), Finds::offer, &finds[t]});
    }
  });
  in_threads(std::min(threads, task.query_count), [&](int64_t) {
    for (int64_t q; (q = next_query++) < task.query_count;) {
      settle(task, finds, q, rows + q * task.k, scores + q * task.k);
    }
  });
}

using Floats = nb::ndarray<const float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Rows = nb::ndarray<const int64_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using RowsOut = nb::ndarray<int64_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using FloatsOut = nb::ndarray<float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

void top_k(Floats queries, Floats base, int metric, Rows exclude, int64_t threads, const std::string &level,
           RowsOut rows, FloatsOut scores) {
  const int64_t q = queries.shape(0), n = base.shape(0), dim = base.shape(1), k = rows.shape(1);
  if (static_cast<int64_t>(queries.shape(1)) != dim || static_cast<int64_t>(rows.shape(0)) != q ||
      static_cast<int64_t>(exclude.shape(0)) != q || scores.shape(0) != rows.shape(0) ||
      scores.shape(1) != rows.shape(1) || metric < 0 || metric > 2) {
    throw nb::value_error("arrays do not fit together");
  }
  const Kernel kernel = kernel_of(level);
  const int64_t m = exclude.shape(1);
  nb::gil_scoped_release release;
  std::vector<int64_t> excluded(exclude.data(), exclude.data() + q * m);
  for (int64_t i = 0; i < q; i++) std::sort(excluded.begin() + i * m, excluded.begin() + (i + 1) * m);
  const int64_t bytes = 2 * (k + SLACK) * static_cast<int64_t>(sizeof(Candidate));
  const int64_t group = std::max<int64_t>(1, std::min(LARGEST_GROUP, GROUP_BYTES / bytes));
  for (int64_t start = 0; start < q; start += group) {
    const int64_t count = std::min(group, q - start);
    const Task task{queries.data() + start * dim, base.data(), count, n, dim, k, static_cast<Metric>(metric),
                    excluded.data() + start * m, m};
    const double products = static_cast<double>(count) * n * dim;
    const int64_t useful = 1 + static_cast<int64_t>(products / WORTH_A_THREAD);
    search(task, kernel, std::min(threads, useful), rows.data() + start * k, scores.data() + start * k);
  }
}

}  // namespace
}  // namespace likewise

void bind_neighbours(nb::module_ &m) {
  m.def("top_k", &likewise::top_k, nb::arg("queries"), nb::arg("base"), nb::arg("metric"), nb::arg("exclude"),
        nb::arg("threads"), nb::arg("level"), nb::arg("rows"), nb::arg("scores"));
}
