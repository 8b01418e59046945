// Binds the GloVe kernels: NumPy arrays in, checked; the level's function called without the GIL.
#include "glove.hpp"

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>

#include <cmath>
#include <stdexcept>
#include <string>

namespace nb = nanobind;
using namespace likewise;

namespace {

using std::int64_t;
using Table = nb::ndarray<float, nb::ndim<3>, nb::c_contig, nb::device::cpu>;
template <typename T>
using In = nb::ndarray<const T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Walk = void (*)(const GloveTask &, const std::uint64_t *, int64_t, int64_t, int64_t);
using Loss = double (*)(const GloveTask &, const std::int32_t *, const std::int32_t *, const float *, int64_t);

void check(bool holds, const char *sentence) {
  if (!holds) throw std::invalid_argument(sentence);
}

struct Functions {
  Walk walk;
  Loss loss;
};

Functions functions_at(const std::string &name) {
#define FIND(level) \
  if (name == #level && machine_has(Level::level)) return {&level::glove, &level::glove_loss};
  LIKEWISE_FOR_EACH_LEVEL(FIND)
#undef FIND
  throw std::invalid_argument("this machine has no kernel level " + name);
}

GloveTask task_of(const Table &table, double rate, double x_max, double x_power, bool both) {
  check(table.shape(1) == 4 && table.shape(2) > 0 && table.shape(2) % 16 == 0 &&
            reinterpret_cast<std::uintptr_t>(table.data()) % 64 == 0,
        "a word has four rows of a multiple of 16 floats, on 64-byte bounds: make them with glove.table()");
  return {table.data(), static_cast<int64_t>(table.shape(2)), static_cast<float>(rate), static_cast<float>(x_max),
          static_cast<float>(x_power), both};
}

// Take one step for each entry of the tiles of one block of rows and blocks of columns [from, to).
void glove_steps(const std::string &level, Table table, In<std::uint64_t> entries, In<int64_t> ends, In<int64_t> blocks,
                 int64_t block, int64_t from, int64_t to, double rate, double x_max, double x_power, bool both) {
  const GloveTask task = task_of(table, rate, x_max, x_power, both);
  const int64_t many = static_cast<int64_t>(blocks.shape(0)) - 1, words = static_cast<int64_t>(table.shape(0));
  check(many > 0 && blocks.data()[0] == 0 && blocks.data()[many] == words, "blocks must go from 0 to all words");
  check(0 <= block && block < many && 0 <= from && from <= to && to <= many &&
            static_cast<int64_t>(ends.shape(0)) == many + 1,
        "no such tiles");
  const int64_t *bounds = blocks.data(), *end = ends.data();
  const std::uint64_t *entry = entries.data();
  const Functions run = functions_at(level);
  nb::gil_scoped_release release;
  for (int64_t b = from; b < to; ++b) {
    check(0 <= end[b] && end[b] <= end[b + 1] && end[b + 1] <= static_cast<int64_t>(entries.shape(0)),
          "a tile reaches past the entries");
    const std::uint64_t rows = static_cast<std::uint64_t>(bounds[block + 1] - bounds[block]);
    const std::uint64_t columns = static_cast<std::uint64_t>(bounds[b + 1] - bounds[b]);
    for (int64_t k = end[b]; k < end[b + 1]; ++k) {
      check((entry[k] & 0xFFFF) < rows && (entry[k] >> 16 & 0xFFFF) < columns, "an entry is outside its tile");
    }
    run.walk(task, entry + end[b], end[b + 1] - end[b], bounds[block], bounds[b]);
  }
}

double glove_loss(const std::string &level, Table table, In<std::int32_t> rows, In<std::int32_t> columns, In<float> x,
                  double x_max, double x_power) {
  const GloveTask task = task_of(table, 0, x_max, x_power, false);
  const std::size_t n = rows.shape(0);
  check(columns.shape(0) == n && x.shape(0) == n, "rows, columns and counts must be of one length");
  const int64_t words = static_cast<int64_t>(table.shape(0));
  const Functions run = functions_at(level);
  nb::gil_scoped_release release;
  for (std::size_t k = 0; k < n; ++k) {
    check(0 <= rows.data()[k] && rows.data()[k] < words && 0 <= columns.data()[k] && columns.data()[k] < words,
          "a count names a word that is not there");
  }
  return run.loss(task, rows.data(), columns.data(), x.data(), static_cast<int64_t>(n));
}

}  // namespace

void bind_glove(nb::module_ &m) {
  m.def("glove_steps", &glove_steps, nb::kw_only(), nb::arg("level"), nb::arg("table").noconvert(),
        nb::arg("entries").noconvert(), nb::arg("ends").noconvert(), nb::arg("blocks").noconvert(), nb::arg("block"),
        nb::arg("begin"), nb::arg("end"), nb::arg("rate"), nb::arg("x_max"), nb::arg("x_power"), nb::arg("both"));
  m.def("glove_loss", &glove_loss, nb::kw_only(), nb::arg("level"), nb::arg("table").noconvert(),
        nb::arg("rows").noconvert(), nb::arg("columns").noconvert(), nb::arg("x").noconvert(), nb::arg("x_max"),
        nb::arg("x_power"));
}
