// Binds the word kernels: NumPy arrays in, checked; the level's function called without the GIL.
#include "words.hpp"

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>

#include <cmath>
#include <cstdlib>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

namespace nb = nanobind;
using namespace likewise;

namespace {

template <typename T, typename... Shape>
using In = nb::ndarray<const T, nb::c_contig, nb::device::cpu, Shape...>;
using Table = nb::ndarray<float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

using Learn = SkipGramDone (*)(const SkipGramTask &, SkipGramBlock &, std::int64_t, std::int64_t);
using Products = void (*)(const float *, const float *, std::int64_t, const std::int32_t *, const std::int32_t *,
                          std::int64_t, double *);

Level level_named(const std::string &name) {
#define FIND(level) \
  if (name == #level && machine_has(Level::level)) return Level::level;
  LIKEWISE_FOR_EACH_LEVEL(FIND)
#undef FIND
  throw std::invalid_argument("this machine has no kernel level " + name);
}

#define CHOOSE(level, function) \
  case Level::level: return &level::function;
Learn learn_at(Level level) {
  switch (level) {
#define CASE(name) CHOOSE(name, skipgram)
    LIKEWISE_FOR_EACH_LEVEL(CASE)
#undef CASE
    default: throw std::invalid_argument("no such level");
  }
}

Products products_at(Level level) {
  switch (level) {
#define CASE(name) CHOOSE(name, pair_products)
    LIKEWISE_FOR_EACH_LEVEL(CASE)
#undef CASE
    default: throw std::invalid_argument("no such level");
  }
}

void check(bool holds, const char *sentence) {
  if (!holds) throw std::invalid_argument(sentence);
}

void check_table(const float *data, std::size_t stride) {
  check(stride > 0 && stride % 16 == 0 && reinterpret_cast<std::uintptr_t>(data) % 64 == 0,
        "rows must be a multiple of 16 floats long and begin on 64-byte bounds: make them with words.table()");
}

// One stretch of memory for everything that a block needs, cut into arrays on 64-byte bounds.
class Arena {
 public:
  template <typename T>
  void plan(T *&array, std::int64_t n) {
    places_.push_back({reinterpret_cast<void **>(&array), size_});
    size_ += (static_cast<std::size_t>(n) * sizeof(T) + 127) / 64 * 64;
  }
  void make() {
    memory_.reset(std::aligned_alloc(64, size_));
    if (!memory_) throw std::bad_alloc();
    for (auto &place : places_) *place.first = static_cast<char *>(memory_.get()) + place.second;
  }

 private:
  std::size_t size_ = 0;
  std::vector<std::pair<void **, std::size_t>> places_;
  std::unique_ptr<void, decltype(&std::free)> memory_{nullptr, &std::free};
};

void plan_block(Arena &arena, SkipGramBlock &b, std::int64_t window, std::int64_t negative) {
  b.capacity = 512 + 4 * window;
  arena.plan(b.kept, b.capacity + 1);
  arena.plan(b.position, b.capacity + 1);
  arena.plan(b.sentence, b.capacity + 1);
  arena.plan(b.from, b.capacity);
  arena.plan(b.to, b.capacity);
  arena.plan(b.twin, b.capacity);
  arena.plan(b.rate, b.capacity);
  arena.plan(b.noise, b.capacity * negative);
  arena.plan(b.odd, b.capacity);
  arena.plan(b.draw, b.capacity);
  arena.plan(b.steps, steps_of(window, negative));
  arena.plan(b.weights, 2 * window);
  arena.plan(b.labels, 32);
  arena.plan(b.old, (2 * window + negative + 1) * 32);
  arena.plan(b.inputs, 2 * window);
  arena.plan(b.outputs, negative + 1);
  arena.make();
}

std::tuple<std::int64_t, std::int64_t> skipgram(const std::string &level, Table vectors, Table output,
                                                In<std::int32_t, nb::ndim<1>> ids, In<std::int64_t, nb::ndim<1>> starts,
                                                In<std::uint32_t, nb::ndim<1>> keep,
                                                In<std::uint64_t, nb::ndim<1>> alias, std::int64_t window,
                                                std::int64_t negative, std::uint64_t key, double rate, double slope,
                                                double floor, bool full_window, std::int64_t begin, std::int64_t end) {
  const std::size_t words = vectors.shape(0), stride = vectors.shape(1), tokens = ids.shape(0);
  check_table(vectors.data(), stride);
  check_table(output.data(), stride);
  check(output.shape(0) == words && output.shape(1) == stride && keep.shape(0) == words && alias.shape(0) == words,
        "both tables, keep and alias must have one row a word");
  check(words > 0 && words < (1u << 31), "the vocabulary must have between 1 and 2^31 words");
  check(starts.shape(0) > 1 && starts.data()[0] == 0 &&
            starts.data()[starts.shape(0) - 1] == static_cast<std::int64_t>(tokens),
        "starts must go from 0 to the number of tokens");
  check(window >= 1 && negative >= 1 && window < (1 << 20) && negative < (1 << 20),
        "window and negative must be between 1 and 2^20");
  check(0 <= begin && begin <= end && end <= static_cast<std::int64_t>(tokens), "no such stretch of tokens");
  const SkipGramTask task = {vectors.data(), output.data(), static_cast<std::int64_t>(stride), ids.data(),
                             starts.data(), static_cast<std::int64_t>(starts.shape(0)) - 1, keep.data(), alias.data(),
                             static_cast<std::int64_t>(words), window, negative, key, rate, slope, floor, full_window};
  const Learn learn = learn_at(level_named(level));
  nb::gil_scoped_release release;
  Arena arena;
  SkipGramBlock block;
  plan_block(arena, block, window, negative);
  const SkipGramDone done = learn(task, block, begin, end);
  return {done.centres, done.pairs};
}

void pair_products(const std::string &level, In<float, nb::ndim<2>> vectors, In<float, nb::ndim<2>> output,
                   In<std::int32_t, nb::ndim<1>> rows, In<std::int32_t, nb::ndim<1>> targets,
                   nb::ndarray<double, nb::ndim<1>, nb::c_contig, nb::device::cpu> products) {
  check_table(vectors.data(), vectors.shape(1));
  check_table(output.data(), output.shape(1));
  const std::size_t n = rows.shape(0);
  check(vectors.shape(1) == output.shape(1) && targets.shape(0) == n && products.shape(0) == n,
        "rows, targets and products must be of one length, both tables of one width");
  const Products multiply = products_at(level_named(level));
  nb::gil_scoped_release release;
  for (std::size_t i = 0; i < n; ++i) {
    check(0 <= rows.data()[i] && rows.data()[i] < static_cast<std::int64_t>(vectors.shape(0)) &&
              0 <= targets.data()[i] && targets.data()[i] < static_cast<std::int64_t>(output.shape(0)),
          "a pair names a row that is not there");
  }
  multiply(vectors.data(), output.data(), static_cast<std::int64_t>(vectors.shape(1)), rows.data(), targets.data(),
           static_cast<std::int64_t>(n), products.data());
}

// Fill an alias table (Walker, Vose) from probabilities that sum to one.
void fill_alias(In<double, nb::ndim<1>> probabilities, nb::ndarray<std::uint64_t, nb::ndim<1>, nb::c_contig> alias) {
  const std::size_t n = probabilities.shape(0);
  check(n > 0 && n < (1u << 31) && alias.shape(0) == n, "one entry a word, and at least one word");
  const double *p = probabilities.data();
  std::uint64_t *entry = alias.data();
  std::vector<double> left(n);
  std::vector<std::uint32_t> small, large;
  for (std::size_t i = n; i-- > 0;) {
    check(std::isfinite(p[i]) && p[i] >= 0, "probabilities must be finite and not negative");
    left[i] = p[i] * static_cast<double>(n);
    (left[i] < 1 ? small : large).push_back(static_cast<std::uint32_t>(i));
  }
  for (std::size_t i = 0; i < n; ++i) entry[i] = (static_cast<std::uint64_t>(i) << 32) | 0xFFFFFFFFu;
  while (!small.empty() && !large.empty()) {
    const std::uint32_t a = small.back(), b = large.back();
    small.pop_back();
    const double share = std::min(std::ldexp(left[a], 32), 4294967295.0);
    entry[a] = (static_cast<std::uint64_t>(b) << 32) | static_cast<std::uint64_t>(share);
    left[b] -= 1 - left[a];
    if (left[b] < 1) {
      large.pop_back();
      small.push_back(b);
    }
  }
}

}  // namespace

void bind_words(nb::module_ &m) {
  m.def("skipgram", &skipgram, nb::kw_only(), nb::arg("level"), nb::arg("vectors").noconvert(),
        nb::arg("output").noconvert(), nb::arg("ids").noconvert(), nb::arg("starts").noconvert(),
        nb::arg("keep").noconvert(), nb::arg("alias").noconvert(), nb::arg("window"), nb::arg("negative"),
        nb::arg("key"), nb::arg("rate"), nb::arg("slope"), nb::arg("floor"), nb::arg("full_window"), nb::arg("begin"),
        nb::arg("end"));
  m.def("pair_products", &pair_products, nb::kw_only(), nb::arg("level"), nb::arg("vectors").noconvert(),
        nb::arg("output").noconvert(), nb::arg("rows").noconvert(), nb::arg("targets").noconvert(),
        nb::arg("products").noconvert());
  m.def("fill_alias", &fill_alias, nb::arg("probabilities").noconvert(), nb::arg("alias").noconvert());
}
