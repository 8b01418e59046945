// Phrases: a numbered text in; which words stand side by side how often, and the text with some of them joined, out.
//
// Pairs are counted exactly in memory that does not grow with them. One sweep counts them in cells that pairs share by
// a hash, so a cell is never less than a pair's own count; the next sweep counts by themselves only the pairs whose cell
// is enough to be a phrase. What a pair is and how a text is joined, phrases_twin.py defines.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstdint>
#include <vector>

#include "text_words.hpp"

namespace nb = nanobind;

namespace likewise {
namespace {

constexpr size_t CELLS_MOST = 65535;   // a cell counts no further
constexpr size_t PENDING = 32;         // pairs whose cells are asked for together
constexpr uint32_t FULL = 0xFF000000;  // four connectors stand between: there is no room for a fifth

template <typename Element>
using In = nb::ndarray<const Element, nb::ndim<1>, nb::c_contig>;
template <typename Element>
using InOut = nb::ndarray<Element, nb::ndim<1>, nb::c_contig>;

// Two words and the connectors between them, a byte for each.
struct Pair {
  int32_t first, last;
  uint32_t between;
  uint32_t number;  // from 1; 0 is an empty slot
};

inline uint64_t hash_of_pair(int32_t first, uint32_t between, int32_t last) {
  const uint64_t words = static_cast<uint64_t>(static_cast<uint32_t>(first)) << 32 | static_cast<uint32_t>(last);
  return mixed(SEED ^ between, {words, 0});
}

class PairTable {
 public:
  // Return the pair's slot, an empty one if it is not there.
  Pair &slot_of(int32_t first, uint32_t between, int32_t last, uint64_t hash) const {
    Pair *slot = &table_.home(hash);
    while (slot->number && !(slot->first == first && slot->last == last && slot->between == between))
      slot = &table_.after(*slot);
    return *slot;
  }

  void fill(Pair &slot, Pair pair) {
    slot = pair;
    table_.took_one([](const Pair &p) { return hash_of_pair(p.first, p.between, p.last); });
  }

 private:
  Table<Pair> table_;
};

inline int64_t place(int64_t end) { return end < 0 ? ~end : end; }

class PairCounter {
 public:
  PairCounter(In<float> log_p, In<uint8_t> connectors, In<float> reach, int bits)
      : log_p_(log_p), connectors_(connectors), reach_(reach), cells_(size_t{1} << bits), shift_(64 - bits) {}

  // Count the pairs of the training paragraphs [first, last) in shared cells.
  void look(In<int32_t> ids, In<int64_t> ends, int64_t first, int64_t last) {
    const nb::gil_scoped_release unlocked;
    sweep(ids.data(), ends.data(), first, last, [this](const Seen &pair) {
      uint16_t &cell = cells_[pair.hash >> shift_];
      cell = static_cast<uint16_t>(cell + (cell < CELLS_MOST));
    });
  }

  // Count the same paragraphs again, now only the pairs whose cell is large enough, each by itself.
  void count(In<int32_t> ids, In<int64_t> ends, int64_t first, int64_t last) {
    const nb::gil_scoped_release unlocked;
    const float *log_p = log_p_.data(), *reach = reach_.data();
    sweep(ids.data(), ends.data(), first, last, [&](const Seen &pair) {
      if (reach[cells_[pair.hash >> shift_]] <= log_p[pair.first] + log_p[pair.last]) return;
      Pair &slot = table_.slot_of(pair.first, pair.between, pair.last, pair.hash);
      if (slot.number) {
        counts_[slot.number - 1]++;
        return;
      }
      firsts_.push_back(pair.first), lasts_.push_back(pair.last), betweens_.push_back(pair.between), counts_.push_back(1);
      table_.fill(slot, {pair.first, pair.last, pair.between, static_cast<uint32_t>(counts_.size())});
    });
  }

  nb::tuple found() const { return nb::make_tuple(copy(firsts_), copy(betweens_), copy(lasts_), copy(counts_)); }

 private:
  struct Seen {
    int32_t first, last;
    uint32_t between;
    uint64_t hash;
  };

  In<float> log_p_;
  In<uint8_t> connectors_;
  In<float> reach_;
  std::vector<uint16_t> cells_;
  int shift_;
  PairTable table_;
  std::vector<int32_t> firsts_, lasts_;
  std::vector<uint32_t> betweens_;
  std::vector<int64_t> counts_;

  template <typename Element>
  static nb::ndarray<nb::numpy, Element, nb::ndim<1>> copy(const std::vector<Element> &values) {
    auto *kept = new std::vector<Element>(values);
    nb::capsule owner(kept, [](void *p) noexcept { delete static_cast<std::vector<Element> *>(p); });
    return {kept->data(), {kept->size()}, owner};
  }

  // Call `take` for every pair of frequent words; the cells of a few pairs are asked for before they are looked at.
  template <typename Take>
  void sweep(const int32_t *ids, const int64_t *ends, int64_t first, int64_t last, Take take) {
    const uint8_t *connectors = connectors_.data();
    const float *log_p = log_p_.data();
    Seen pending[PENDING];
    size_t waiting = 0;
    for (int64_t paragraph = first; paragraph < last; paragraph++) {
      if (ends[paragraph + 1] < 0) continue;  // held out
      int32_t start = -1;
      uint32_t between = 0;
      for (int64_t i = place(ends[paragraph]); i < ends[paragraph + 1]; i++) {
        const int32_t word = ids[i];
        const uint8_t connector = connectors[word];
        if (connector) {
          if (between & FULL) start = -1;
          between = between << 8 | connector;
          continue;
        }
        const bool frequent = log_p[word] <= 0;
        if (start >= 0 && frequent) {
          const uint64_t hash = hash_of_pair(start, between, word);
          __builtin_prefetch(&cells_[hash >> shift_], 1);
          pending[waiting++] = {start, word, between, hash};
          if (waiting == PENDING) {
            for (const Seen &pair : pending) take(pair);
            waiting = 0;
          }
        }
        start = frequent ? word : -1;
        between = 0;
      }
    }
    for (size_t i = 0; i < waiting; i++) take(pending[i]);
  }
};

// Words to be joined, and what they become.
class Joiner {
 public:
  Joiner(In<int32_t> firsts, In<uint32_t> betweens, In<int32_t> lasts, In<int32_t> joined, In<uint8_t> connectors)
      : connectors_(connectors), begins_(connectors.size()) {
    for (size_t i = 0; i < joined.size(); i++) {
      const int32_t first = firsts(i), last = lasts(i);
      Pair &slot = table_.slot_of(first, betweens(i), last, hash_of_pair(first, betweens(i), last));
      if (!slot.number) table_.fill(slot, {first, last, betweens(i), static_cast<uint32_t>(joined(i)) + 1});
      begins_[static_cast<size_t>(first)] = true;
    }
  }

  // Join the words of paragraphs [first, last) in place, from left to right, and close the gaps: what is read begins
  // at `from`, what is written at `token`. Returns both for the next paragraphs.
  nb::tuple join(InOut<int32_t> ids, InOut<int64_t> ends, int64_t first, int64_t last, int64_t from, int64_t token) const {
    {
      const nb::gil_scoped_release unlocked;
      int32_t *id = ids.data();
      int64_t *end = ends.data();
      for (int64_t paragraph = first; paragraph < last; paragraph++) {
        const bool held = end[paragraph + 1] < 0;
        const int64_t to = place(end[paragraph + 1]);
        token = join_paragraph(id, from, to, token);
        end[paragraph + 1] = held ? ~token : token;
        from = to;
      }
    }
    return nb::make_tuple(from, token);
  }

 private:
  In<uint8_t> connectors_;
  std::vector<uint8_t> begins_;
  PairTable table_;

  int64_t join_paragraph(int32_t *id, int64_t from, int64_t to, int64_t out) const {
    const uint8_t *connectors = connectors_.data();
    int64_t start = -1;  // of what may become a phrase
    uint32_t between = 0;
    const auto give_up = [&](int64_t until) {
      while (start < until) id[out++] = id[start++];
      start = -1;
    };
    for (int64_t i = from; i < to; i++) {
      const int32_t word = id[i];
      const uint8_t connector = connectors[word];
      if (connector) {
        if (start < 0) id[out++] = word;
        else if (between & FULL) give_up(i + 1);
        else between = between << 8 | connector;
        continue;
      }
      if (start >= 0) {
        const Pair &slot = table_.slot_of(id[start], between, word, hash_of_pair(id[start], between, word));
        if (slot.number) {
          id[out++] = static_cast<int32_t>(slot.number - 1);
          start = -1;
          continue;
        }
        give_up(i);
      }
      if (begins_[static_cast<size_t>(word)]) start = i, between = 0;
      else id[out++] = word;
    }
    if (start >= 0) give_up(to);
    return out;
  }
};

// Add to `counts` how often each word stands in paragraphs [first, last), in those for training only or in all.
void count_words(In<int32_t> ids, In<int64_t> ends, int64_t first, int64_t last, bool all, InOut<int64_t> counts) {
  const nb::gil_scoped_release unlocked;
  const int32_t *id = ids.data();
  const int64_t *end = ends.data();
  int64_t *count = counts.data();
  for (int64_t paragraph = first; paragraph < last; paragraph++)
    if (all || end[paragraph + 1] >= 0)
      for (int64_t i = place(end[paragraph]); i < place(end[paragraph + 1]); i++) count[id[i]]++;
}

}  // namespace
}  // namespace likewise

void bind_phrases(nb::module_ &m) {
  using likewise::Joiner;
  using likewise::PairCounter;
  using likewise::In;
  nb::class_<PairCounter>(m, "PairCounter")
      .def(nb::init<In<float>, In<uint8_t>, In<float>, int>())
      .def("look", &PairCounter::look)
      .def("count", &PairCounter::count)
      .def("found", &PairCounter::found);
  nb::class_<Joiner>(m, "Joiner")
      .def(nb::init<In<int32_t>, In<uint32_t>, In<int32_t>, In<int32_t>, In<uint8_t>>())
      .def("join", &Joiner::join);
  m.def("count_words", &likewise::count_words);
}
