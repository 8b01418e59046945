// Subwords: words as UTF-8 in, the bucket of each n-gram in fastText's order out; lists of rows in, their means out.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

namespace nb = nanobind;

namespace likewise {
namespace {

constexpr uint32_t FNV_OFFSET = 2166136261u, FNV_PRIME = 16777619u;

bool continues(uint8_t byte) { return (byte & 0xC0) == 0x80; }  // a byte that is not the first of its character

// FNV-1a as fastText has it: a byte is taken as a signed char, so bytes above 127 also turn the upper three.
uint32_t hashed(uint32_t h, uint8_t byte) {
  return (h ^ static_cast<uint32_t>(static_cast<int32_t>(static_cast<int8_t>(byte)))) * FNV_PRIME;
}

// One word with its border signs; returns where the next bucket goes, at most `end`.
int64_t *of_word(const uint8_t *word, int64_t length, int64_t min_n, int64_t max_n, uint32_t buckets, int64_t *out,
                 const int64_t *end) {
  for (int64_t i = 0; i < length; i++) {
    if (continues(word[i])) continue;
    uint32_t h = FNV_OFFSET;
    for (int64_t j = i, n = 1; j < length && n <= max_n; n++) {
      h = hashed(h, word[j++]);
      while (j < length && continues(word[j])) h = hashed(h, word[j++]);
      const bool border = n == 1 && (i == 0 || j == length);
      if (n < min_n || border) continue;
      if (out == end) throw nb::value_error("there is too little room for the n-grams");
      *out++ = h % buckets;
    }
  }
  return out;
}

using Bytes = nb::ndarray<const uint8_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Starts = nb::ndarray<const int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Out = nb::ndarray<int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

void ngram_buckets(Bytes text, Starts starts, int64_t min_n, int64_t max_n, uint32_t buckets, Out out) {
  const int64_t n = static_cast<int64_t>(starts.shape(0)) - 1;
  if (n < 0 || buckets < 1) throw nb::value_error("arrays do not fit together");
  const int64_t *at = starts.data();
  int64_t *next = out.data(), *end = next + out.shape(0);
  const nb::gil_scoped_release unlocked;
  for (int64_t i = 0; i < n; i++) {
    if (at[i] < 0 || at[i + 1] < at[i] || at[i + 1] > static_cast<int64_t>(text.shape(0))) {
      throw nb::value_error("a word lies outside of the text");
    }
    next = of_word(text.data() + at[i], at[i + 1] - at[i], min_n, max_n, buckets, next, end);
  }
  if (next != end) throw nb::value_error("there is too much room for the n-grams");
}

using Table = nb::ndarray<const float, nb::ndim<2>, nb::device::cpu>;  // rows may be padded, and lie at any byte
using Rows = nb::ndarray<const int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Means = nb::ndarray<float, nb::ndim<2>, nb::device::cpu>;

// Added up in double, in the order of the list.
void row_means(Table table, Rows rows, Starts starts, Means out) {
  const int64_t n = static_cast<int64_t>(starts.shape(0)) - 1, dim = static_cast<int64_t>(table.shape(1));
  const int64_t size = static_cast<int64_t>(table.shape(0)), listed = static_cast<int64_t>(rows.shape(0));
  const bool fit = n >= 0 && static_cast<int64_t>(out.shape(0)) == n && static_cast<int64_t>(out.shape(1)) == dim;
  const bool dense = dim <= 1 || ((size == 0 || table.stride(1) == 1) && (n == 0 || out.stride(1) == 1));
  if (!fit || !dense) throw nb::value_error("arrays do not fit together");
  const int64_t *at = starts.data();
  const char *first = reinterpret_cast<const char *>(table.data());
  const nb::gil_scoped_release unlocked;
  std::vector<double> sum(static_cast<size_t>(dim));
  for (int64_t i = 0; i < n; i++) {
    if (at[i] < 0 || at[i + 1] < at[i] || at[i + 1] > listed) throw nb::value_error("a list lies outside of the rows");
    std::fill(sum.begin(), sum.end(), 0.0);
    for (int64_t j = at[i]; j < at[i + 1]; j++) {
      const int64_t row = rows.data()[j];
      if (row < 0 || row >= size) throw nb::value_error("a list names a row that is not there");
      const char *from = first + row * table.stride(0) * static_cast<int64_t>(sizeof(float));
      for (int64_t d = 0; d < dim; d++) {
        float value;  // a table in a mapped file need not be aligned
        std::memcpy(&value, from + d * static_cast<int64_t>(sizeof(float)), sizeof(float));
        sum[static_cast<size_t>(d)] += value;
      }
    }
    const double count = static_cast<double>(std::max<int64_t>(at[i + 1] - at[i], 1));
    float *to = out.data() + i * out.stride(0);
    for (int64_t d = 0; d < dim; d++) to[d] = static_cast<float>(sum[static_cast<size_t>(d)] / count);
  }
}

}  // namespace
}  // namespace likewise

void bind_subwords(nb::module_ &m) {
  m.def("ngram_buckets", &likewise::ngram_buckets, nb::arg("text"), nb::arg("starts"), nb::arg("min_n"),
        nb::arg("max_n"), nb::arg("buckets"), nb::arg("out"));
  m.def("row_means", &likewise::row_means, nb::arg("table"), nb::arg("rows"), nb::arg("starts"), nb::arg("out"));
}
