// Binds the word kernels: NumPy arrays in, checked; the level's function called without the GIL.
#include "words.hpp"

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>

#include <algorithm>
#include <cmath>
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

using Products = void (*)(const float *, const float *, std::int64_t, const std::int32_t *, const std::int32_t *,
                          std::int64_t, double *);

Level level_named(const std::string &name) {
#define FIND(level) \
  if (name == #level && machine_has(Level::level)) return Level::level;
  LIKEWISE_FOR_EACH_LEVEL(FIND)
#undef FIND
  throw std::invalid_argument("this machine has no kernel level " + name);
}

Products products_at(Level level) {
  switch (level) {
#define CASE(name) \
  case Level::name: return &name::pair_products;
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

using Ids = In<std::int32_t, nb::ndim<1>>;
using Places = In<std::int64_t, nb::ndim<1>>;

// Check lists of rows: list i is rows[starts[i] .. starts[i + 1]), not empty; return the length of the longest.
std::int64_t check_lists(const Places &starts, const Ids &rows, std::size_t lists, std::size_t table) {
  check(starts.shape(0) == lists + 1 && starts.data()[0] == 0 &&
            starts.data()[lists] == static_cast<std::int64_t>(rows.shape(0)),
        "lists of rows must go from 0 to the number of rows, one list a word");
  std::int64_t longest = 0;
  for (std::size_t i = 0; i < lists; ++i) {
    const std::int64_t n = starts.data()[i + 1] - starts.data()[i];
    check(n > 0, "a word has no rows");
    longest = std::max(longest, n);
  }
  for (std::size_t p = 0; p < rows.shape(0); ++p) {
    check(0 <= rows.data()[p] && rows.data()[p] < static_cast<std::int64_t>(table),
          "a list names a row that is not there");
  }
  return longest;
}

// A text and what to learn from it, checked once and kept by Python while it learns.
class Windows {
 public:
  Windows(Table vectors, Table output, Ids ids, Places starts, In<std::uint32_t, nb::ndim<1>> keep,
          In<std::uint64_t, nb::ndim<1>> alias, std::int64_t negative, Places paths, Ids nodes,
          In<float, nb::ndim<1>> turns, Places wholes, Ids parts, std::int64_t window, std::int64_t batch, std::int64_t span,
          bool flat, bool cbow, bool mean)
      : vectors_(vectors), output_(output), ids_(ids), starts_(starts), keep_(keep), alias_(alias), paths_(paths),
        nodes_(nodes), turns_(turns), wholes_(wholes), parts_(parts) {
    const std::size_t words = keep.shape(0), rows = vectors.shape(0), stride = vectors.shape(1);
    check_table(vectors.data(), stride);
    check_table(output.data(), stride);
    check(words > 0 && rows < (1u << 31), "the vocabulary must have between 1 and 2^31 words");
    check(output.shape(1) == stride, "both tables must have rows of one length");
    check(window >= 1 && negative >= 0 && window < (1 << 20) && negative < (1 << 20),
          "window and negative must be between 1 and 2^20");
    check(batch >= 1 && SEGMENT % batch == 0, "a batch must divide a segment");
    check(span >= 1 && SEGMENT % span == 0, "a span must divide a segment");
    check(starts.shape(0) > 1 && starts.data()[0] == 0 &&
              starts.data()[starts.shape(0) - 1] == static_cast<std::int64_t>(ids.shape(0)),
          "starts must go from 0 to the number of tokens");
    std::int64_t longest = negative + 1;
    if (negative > 0) {
      check(alias.shape(0) == words && output.shape(0) == words, "output, keep and alias must have one row a word");
    } else {
      check(turns.shape(0) == nodes.shape(0), "each node of a path has one turn");
      longest = check_lists(paths, nodes, words, output.shape(0));
    }
    const bool made = wholes.shape(0) > 0;
    check(made || rows == words, "vectors must have one row a word");
    if (made) check_lists(wholes, parts, words, rows);
    task_ = {vectors_.data(), output_.data(), static_cast<std::int64_t>(stride), ids_.data(), starts_.data(),
             static_cast<std::int64_t>(starts.shape(0)) - 1, keep_.data(), static_cast<std::int64_t>(words), window,
             batch, made ? span : SEGMENT, flat, cbow, mean, alias_.data(), negative, paths_.data(), nodes_.data(), turns_.data(), longest,
             made ? wholes_.data() : nullptr, parts_.data(), 0, 0, 0, 0};
  }

  std::tuple<std::int64_t, std::int64_t> learn(const std::string &level, std::int64_t begin, std::int64_t end,
                                               std::uint64_t key, double rate, double slope, double floor,
                                               int together) const {
    check(0 <= begin && begin <= end && end <= static_cast<std::int64_t>(ids_.shape(0)), "no such stretch of tokens");
    check(together >= 0 && together <= 4096, "threads must be between 0 and 4096");
    WindowTask task = task_;
    task.key = key;
    task.rate = rate;
    task.slope = slope;
    task.floor = floor;
    const Level chosen = level_named(level);
    nb::gil_scoped_release release;
    const WindowDone done = together ? learn_together(task, chosen, begin, end, together)
                                     : learn_in_order(task, chosen, begin, end);
    return {done.centres, done.pairs};
  }

 private:
  Table vectors_, output_;
  Ids ids_;
  Places starts_;
  In<std::uint32_t, nb::ndim<1>> keep_;
  In<std::uint64_t, nb::ndim<1>> alias_;
  Places paths_;
  Ids nodes_;
  In<float, nb::ndim<1>> turns_;
  Places wholes_;
  Ids parts_;
  WindowTask task_;
};

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
  m.attr("SEGMENT") = SEGMENT;
  nb::class_<Windows>(m, "Windows")
      .def(nb::init<Table, Table, Ids, Places, In<std::uint32_t, nb::ndim<1>>, In<std::uint64_t, nb::ndim<1>>,
                    std::int64_t, Places, Ids, In<float, nb::ndim<1>>, Places, Ids, std::int64_t, std::int64_t,
                    std::int64_t, bool, bool, bool>(),
           nb::kw_only(), nb::arg("vectors").noconvert(), nb::arg("output").noconvert(), nb::arg("ids").noconvert(),
           nb::arg("starts").noconvert(), nb::arg("keep").noconvert(), nb::arg("alias").noconvert(),
           nb::arg("negative"), nb::arg("paths").noconvert(), nb::arg("nodes").noconvert(),
           nb::arg("turns").noconvert(), nb::arg("wholes").noconvert(), nb::arg("parts").noconvert(),
           nb::arg("window"), nb::arg("batch"), nb::arg("span"), nb::arg("flat"), nb::arg("cbow"), nb::arg("mean"))
      .def("learn", &Windows::learn, nb::kw_only(), nb::arg("level"), nb::arg("begin"), nb::arg("end"),
           nb::arg("key"), nb::arg("rate"), nb::arg("slope"), nb::arg("floor"), nb::arg("together"));
  m.def("pair_products", &pair_products, nb::kw_only(), nb::arg("level"), nb::arg("vectors").noconvert(),
        nb::arg("output").noconvert(), nb::arg("rows").noconvert(), nb::arg("targets").noconvert(),
        nb::arg("products").noconvert());
  m.def("fill_alias", &fill_alias, nb::arg("probabilities").noconvert(), nb::arg("alias").noconvert());
}
