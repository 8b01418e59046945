// Co-occurrence counts by inverted index: a text of word numbers in, the non-zeros of some rows out, tile by tile.
//
// A row is a word. All its places in the text are visited, and what stands around them is added to one dense row in
// float64; then the row's non-zeros are taken out in order. Rows do not depend on one another: neither threads nor the
// order in which rows are counted change a bit. Sentences are parted by −1 in the text, which ends a window.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/tuple.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <tuple>
#include <vector>

namespace nb = nanobind;

namespace {

using i32 = std::int32_t;
using i64 = std::int64_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;

template <typename T>
using In = nb::ndarray<const T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
template <typename T>
using Out = nb::ndarray<T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
template <typename T>
using Made = nb::ndarray<nb::numpy, T, nb::ndim<1>>;

void check(bool holds, const char *sentence) {
  if (!holds) throw std::invalid_argument(sentence);
}

template <typename T>
Made<T> hand_over(std::unique_ptr<std::vector<T>> made) {
  T *data = made->data();
  const std::size_t size = made->size();
  nb::capsule owner(made.release(), [](void *p) noexcept { delete static_cast<std::vector<T> *>(p); });
  return Made<T>(data, {size}, owner);
}

// Write the sentences with −1 before, between and behind them; note where each word begins in the index.
void part(In<i32> ids, In<i64> starts, Out<i32> text, Out<i64> places) {
  const i64 n = static_cast<i64>(ids.shape(0)), sentences = static_cast<i64>(starts.shape(0)) - 1;
  const i64 words = static_cast<i64>(places.shape(0)) - 1;
  check(sentences >= 0 && starts.data()[0] == 0 && starts.data()[sentences] == n, "starts must go from 0 to all tokens");
  check(static_cast<i64>(text.shape(0)) == n + sentences + 1, "the text needs room for a −1 around each sentence");
  const i32 *from = ids.data();
  const i64 *start = starts.data();
  i32 *to = text.data();
  i64 *place = places.data();
  nb::gil_scoped_release release;
  std::fill(place, place + words + 1, 0);
  *to++ = -1;
  for (i64 s = 0; s < sentences; ++s) {
    check(start[s] <= start[s + 1], "starts must not fall");
    for (i64 t = start[s]; t < start[s + 1]; ++t) {
      check(0 <= from[t] && from[t] < words, "a word's number is outside the vocabulary");
      ++place[from[t] + 1];
      *to++ = from[t];
    }
    *to++ = -1;
  }
  for (i64 w = 0; w < words; ++w) place[w + 1] += place[w];
}

// Write the places of each word, in order of the text: word w has index[places[w] .. places[w + 1]).
void fill_index(In<i32> text, In<i64> places, Out<u32> index) {
  const i64 n = static_cast<i64>(text.shape(0)), words = static_cast<i64>(places.shape(0)) - 1;
  check(n < (i64{1} << 32), "the text is too long for places of 32 bits");
  check(places.data()[words] == static_cast<i64>(index.shape(0)), "the index has one entry a token");
  const i32 *word = text.data();
  u32 *to = index.data();
  nb::gil_scoped_release release;
  std::vector<i64> next(places.data(), places.data() + words);
  for (i64 t = 0; t < n; ++t) {
    if (word[t] < 0) continue;
    check(word[t] < words && next[word[t]] < places.data()[word[t] + 1], "text and places do not belong together");
    to[next[word[t]]++] = static_cast<u32>(t);
  }
}

struct Counting {
  const i32 *text;
  i64 length;
  const u32 *index;
  const i64 *places;
  i64 words;
  const double *weights;
  i64 window;
  bool symmetric;
  const std::uint8_t *stop;
};

struct Found {
  u32 column;
  float value;
};

// One dense row, and which eights of its columns were touched. What a row does not keep goes to places behind its end.
class Row {
 public:
  explicit Row(const Counting &c) : c_(c), sums_(c.words + c.window + 8), touched_((c.words + c.window) / 8 + 8) {}

  // Add what stands around each place of the word; false if somebody asked to stop.
  bool add(i64 word) {
    const i64 last = c_.places[word + 1];
    const i64 often = std::max<i64>(1, LOOK / c_.window);
    for (i64 k = c_.places[word]; k < last; ++k) {
      if (k % often == 0 && *static_cast<const volatile std::uint8_t *>(c_.stop)) return false;
      if (k + AHEAD < last) {
        const i32 *next = c_.text + c_.index[k + AHEAD];
        __builtin_prefetch(next - 8);
        __builtin_prefetch(next + 8);
      }
      const i32 *at = c_.text + c_.index[k];
      if (c_.symmetric) {
        const i32 own = static_cast<i32>(word);
        for (i64 d = 1; d <= c_.window && at[-d] >= 0; ++d) put(at[-d] <= own ? at[-d] : c_.words + d - 1, d);
        for (i64 d = 1; d <= c_.window && at[d] >= 0; ++d) put(at[d] <= own ? at[d] : c_.words + d - 1, d);
      } else {
        for (i64 d = 1; d <= c_.window && at[-d] >= 0; ++d) put(at[-d], d);
      }
    }
    return true;
  }

  // Move the columns before `limit` out, in order, and leave zeros.
  void take(i64 limit, std::vector<Found> &out) {
    const i64 eights = (limit + 7) / 8;
    for (i64 e = 0; e < eights; e += 8) {
      u64 any;
      std::memcpy(&any, touched_.data() + e, 8);
      if (!any) continue;
      for (i64 f = e; f < std::min(e + 8, eights); ++f) {
        if (!touched_[f]) continue;
        touched_[f] = 0;
        for (i64 j = 8 * f; j < std::min(8 * f + 8, limit); ++j) {
          if (sums_[j] != 0) out.push_back({static_cast<u32>(j), static_cast<float>(sums_[j])});
          sums_[j] = 0;
        }
      }
    }
  }

 private:
  static constexpr i64 AHEAD = 6;
  static constexpr i64 LOOK = 1 << 22;  // words between two looks at the wish to stop

  void put(i64 column, i64 distance) {
    sums_[column] += c_.weights[distance - 1];
    touched_[column >> 3] = 1;
  }

  const Counting &c_;
  std::vector<double> sums_;
  std::vector<std::uint8_t> touched_;
};

u64 entry_of(i64 row, i64 column, float value) {
  u32 bits;
  std::memcpy(&bits, &value, 4);
  return static_cast<u64>(row) | static_cast<u64>(column) << 16 | static_cast<u64>(bits) << 32;
}

i64 block_after(const i64 *blocks, i64 block, i64 column) {
  while (blocks[block + 1] <= column) ++block;
  return block;
}

// Count rows [first, last), all of one block: their entries by column block, row and column, and how many each block has.
std::tuple<Made<u64>, Made<i64>> count_rows(In<i32> text, In<u32> index, In<i64> places, In<double> weights,
                                            bool symmetric, In<i64> blocks, i64 block, i64 first, i64 last,
                                            In<std::uint8_t> stop) {
  const i64 words = static_cast<i64>(places.shape(0)) - 1, many = static_cast<i64>(blocks.shape(0)) - 1;
  check(many > 0 && blocks.data()[0] == 0 && blocks.data()[many] == words, "blocks must go from 0 to all words");
  check(0 <= block && block < many && blocks.data()[block] <= first && first <= last &&
            last <= blocks.data()[block + 1] && stop.shape(0) == 1,
        "rows must be of one block");
  for (i64 b = 0; b < many; ++b) {
    const i64 size = blocks.data()[b + 1] - blocks.data()[b];
    check(size > 0 && size <= 65536, "a block has between 1 and 65536 words");
  }
  check(places.data()[words] == static_cast<i64>(index.shape(0)) && weights.shape(0) > 0, "index and places differ");
  const Counting c = {text.data(),    static_cast<i64>(text.shape(0)),
                      index.data(),   places.data(),
                      words,          weights.data(),
                      static_cast<i64>(weights.shape(0)), symmetric, stop.data()};
  const i64 *bounds = blocks.data();
  auto entries = std::make_unique<std::vector<u64>>();
  auto counts = std::make_unique<std::vector<i64>>(many, 0);
  {
    nb::gil_scoped_release release;
    Row row(c);
    std::vector<Found> found;
    std::vector<std::size_t> ends;
    for (i64 i = first; i < last && row.add(i); ++i) {
      row.take(symmetric ? i + 1 : words, found);
      ends.push_back(found.size());
      for (std::size_t k = ends.size() > 1 ? ends[ends.size() - 2] : 0, b = 0; k < found.size(); ++k) {
        b = static_cast<std::size_t>(block_after(bounds, static_cast<i64>(b), found[k].column));
        ++(*counts)[b];
      }
    }
    std::vector<i64> next(many, 0);
    for (i64 b = 1; b < many; ++b) next[b] = next[b - 1] + (*counts)[b - 1];
    entries->resize(found.size());
    std::size_t k = 0;
    for (std::size_t r = 0; r < ends.size(); ++r) {
      for (i64 b = 0; k < ends[r]; ++k) {
        b = block_after(bounds, b, found[k].column);
        (*entries)[next[b]++] = entry_of(first + static_cast<i64>(r) - bounds[block], found[k].column - bounds[b],
                                         found[k].value);
      }
    }
  }
  return {hand_over(std::move(entries)), hand_over(std::move(counts))};
}

u64 mixed(u64 x) {  // splitmix64
  x += 0x9E3779B97F4A7C15u;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

// Put the entries of each tile into random order (Fisher and Yates), tile t by draws of (key, t).
void shuffle_tiles(Out<u64> entries, In<i64> ends, u64 key) {
  u64 *entry = entries.data();
  const i64 *end = ends.data(), tiles = static_cast<i64>(ends.shape(0));
  check(tiles > 0 && end[tiles - 1] == static_cast<i64>(entries.shape(0)), "the last tile ends with the entries");
  nb::gil_scoped_release release;
  for (i64 t = 0, start = 0; t < tiles; start = end[t++]) {
    check(start <= end[t], "tiles must not fall");
    const u64 stream = mixed(key ^ mixed(static_cast<u64>(t)));
    for (i64 k = end[t] - start - 1; k > 0; --k) {
      const u64 draw = mixed(stream + static_cast<u64>(k)) >> 32;
      std::swap(entry[start + k], entry[start + static_cast<i64>(draw * static_cast<u64>(k + 1) >> 32)]);
    }
  }
}

}  // namespace

void bind_cooccurrence(nb::module_ &m) {
  m.def("part_sentences", &part, nb::arg("ids").noconvert(), nb::arg("starts").noconvert(), nb::arg("text").noconvert(),
        nb::arg("places").noconvert());
  m.def("fill_index", &fill_index, nb::arg("text").noconvert(), nb::arg("places").noconvert(),
        nb::arg("index").noconvert());
  m.def("count_rows", &count_rows, nb::kw_only(), nb::arg("text").noconvert(), nb::arg("index").noconvert(),
        nb::arg("places").noconvert(), nb::arg("weights").noconvert(), nb::arg("symmetric"),
        nb::arg("blocks").noconvert(), nb::arg("block"), nb::arg("first"), nb::arg("last"),
        nb::arg("stop").noconvert());
  m.def("shuffle_tiles", &shuffle_tiles, nb::arg("entries").noconvert(), nb::arg("ends").noconvert(), nb::arg("key"));
}
