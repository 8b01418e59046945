// Counting words: bytes of UTF-8 or words in, numbers in order of first appearance, counts and ends of paragraphs out.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstring>
#include <string>
#include <vector>

#include "text_cutting.hpp"
#include "text_words.hpp"

namespace nb = nanobind;

namespace likewise {
namespace {

constexpr size_t PIECE = 8 << 10;    // bytes cut at once: what comes out stays in the nearest cache
constexpr size_t GROUP = 64;         // words whose slots are asked for together
constexpr size_t LONGEST = 1 << 30;  // bytes without a space

using Array32 = nb::ndarray<nb::numpy, int32_t, nb::ndim<1>>;
using Array64 = nb::ndarray<nb::numpy, int64_t, nb::ndim<1>>;

template <typename Result, typename Element>
Result as_array(std::vector<Element> &&values) {
  auto *kept = new std::vector<Element>(std::move(values));
  nb::capsule owner(kept, [](void *p) noexcept { delete static_cast<std::vector<Element> *>(p); });
  return Result(kept->data(), {kept->size()}, owner);
}

nb::str as_str(const char *start, size_t length) {
  return nb::steal<nb::str>(PyUnicode_DecodeUTF8(start, static_cast<Py_ssize_t>(length), "strict"));
}

struct Buffer {  // of bytes, a memoryview, a map
  Py_buffer view;
  explicit Buffer(nb::handle object) {
    if (PyObject_GetBuffer(object.ptr(), &view, PyBUF_SIMPLE)) throw nb::python_error();
  }
  ~Buffer() { PyBuffer_Release(&view); }
  Buffer(const Buffer &) = delete;
};

class Counter {
 public:
  Counter(bool words, bool lowercase, int digits, uint64_t held_below)
      : cutter_({words, lowercase, static_cast<Digits>(digits)}), held_below_(held_below) {}

  // Take bytes; false if they are no text (then `fault` says what and where).
  bool feed(nb::handle bytes) {
    Buffer buffer(bytes);
    const nb::gil_scoped_release unlocked;
    const uint8_t *from = static_cast<const uint8_t *>(buffer.view.buf), *to = from + buffer.view.len;
    if (!carried_.empty()) {
      const uint8_t *cut = from;
      while (cut < to && !safe_cut(*cut)) cut++;
      if (cut < to) cut++;
      if (carried_.size() + static_cast<size_t>(cut - from) > LONGEST) throw nb::value_error("1 GB without a space");
      carried_.insert(carried_.end(), from, cut);
      if (!safe_cut(carried_.back())) return true;
      if (!take(carried_.data(), carried_.size())) return false;
      carried_.clear();
      from = cut;
    }
    while (from < to) {
      const uint8_t *cut = to - from > static_cast<ptrdiff_t>(PIECE) ? from + PIECE : to;
      while (cut > from && !safe_cut(cut[-1])) cut--;
      if (cut == from) {  // a long stretch without a space
        cut = from + 1;
        while (cut < to && !safe_cut(cut[-1])) cut++;
        if (!safe_cut(cut[-1])) break;
      }
      if (!take(from, static_cast<size_t>(cut - from))) return false;
      from = cut;
    }
    carried_.assign(from, to);
    return true;
  }

  // The file ends here, and its last paragraph.
  bool finish() {
    const bool good = take(carried_.data(), carried_.size());
    carried_.clear();
    if (!good) return false;
    end_paragraph();
    cutter_.restart();
    return true;
  }

  // Take a paragraph that is cut already; empty words are left out. False if a word holds a NUL.
  bool feed_words(nb::sequence words) {
    for (nb::handle item : words) {
      Py_ssize_t length;
      const char *word = PyUnicode_Check(item.ptr()) ? PyUnicode_AsUTF8AndSize(item.ptr(), &length) : nullptr;
      if (!word) {
        if (PyErr_Occurred()) throw nb::python_error();
        throw nb::type_error("a word must be a string");
      }
      if (!length) continue;
      if (std::memchr(word, 0, static_cast<size_t>(length))) return false;
      padded_.assign(word, word + length);
      padded_.resize(padded_.size() + 16);
      count(padded_.data(), static_cast<size_t>(length));
    }
    end_paragraph();
    return true;
  }

  nb::tuple take_out() {
    nb::tuple out = nb::make_tuple(as_array<Array32>(std::move(ids_)), as_array<Array64>(std::move(ends_)));
    ids_ = {}, ends_ = {};
    return out;
  }

  Array64 counts() const {
    std::vector<int64_t> out(words_.size());
    words_.counts(out.data());
    return as_array<Array64>(std::move(out));
  }

  nb::list words(nb::ndarray<const int64_t, nb::ndim<1>, nb::c_contig> numbers) const {
    nb::list out;
    for (size_t i = 0; i < numbers.size(); i++) {
      const size_t number = static_cast<size_t>(numbers(i));
      if (number >= words_.size()) throw nb::index_error("no such word");
      out.append(as_str(words_.start(number), words_.length(number)));
    }
    return out;
  }

  // The numbers of some words; those that were not there are added, not counted, or have -1.
  Array32 numbers(nb::sequence words, bool add) {
    std::vector<int32_t> out;
    for (nb::handle item : words) {
      Py_ssize_t length;
      const char *word = PyUnicode_AsUTF8AndSize(item.ptr(), &length);
      if (!word) throw nb::python_error();
      padded_.assign(word, word + length);
      padded_.resize(padded_.size() + 16);
      const size_t size = static_cast<size_t>(length);
      const uint64_t hash = hash_of(padded_.data(), size);
      uint32_t number = words_.find(padded_.data(), size, hash);
      if (!number && add) number = words_.add(padded_.data(), size, hash);
      out.push_back(static_cast<int32_t>(number) - 1);
    }
    return as_array<Array32>(std::move(out));
  }

  nb::object fault() const {
    if (cutter_.fault == Fault::none) return nb::none();
    return nb::make_tuple(cutter_.fault == Fault::nul ? "nul" : "encoding", cutter_.line, cutter_.fault_at);
  }

  size_t size() const { return words_.size(); }
  int64_t tokens() const { return tokens_; }
  int64_t paragraphs() const { return paragraphs_; }

 private:
  Cutter cutter_;
  Words words_;
  uint64_t held_below_, paragraph_ = 0;
  int64_t tokens_ = 0, paragraphs_ = 0, paragraph_start_ = 0;
  std::vector<int32_t> ids_;
  std::vector<int64_t> ends_;
  std::vector<uint8_t> carried_, padded_;
  std::vector<uint64_t> hashes_;

  void count(const uint8_t *word, size_t length) {
    const uint64_t hash = hash_of(word, length);
    ids_.push_back(static_cast<int32_t>(words_.number_of(word, length, hash)) - 1);
    into_paragraph(hash);
    tokens_++;
  }

  void into_paragraph(uint64_t hash) {
    paragraph_ = (paragraph_ ^ hash) * MULTIPLIER;
    paragraph_ ^= paragraph_ >> 29;
  }

  // A paragraph that is held out has its end written as ~end; one without words leaves no trace.
  void end_paragraph() {
    if (tokens_ > paragraph_start_) {
      ends_.push_back(paragraph_ < held_below_ ? ~tokens_ : tokens_);
      paragraph_start_ = tokens_;
      paragraphs_++;
    }
    paragraph_ = 0;
  }

  bool take(const uint8_t *from, size_t size) {
    cutter_.cut(from, size);
    if (cutter_.fault != Fault::none) return false;
    const std::vector<Word> &words = cutter_.words;
    const uint8_t *text = cutter_.text.data();
    if (hashes_.size() < words.size()) hashes_.resize(words.size());
    const size_t before = ids_.size();
    ids_.resize(before + words.size());
    int32_t *ids = ids_.data() + before;
    for (size_t group = 0; group < words.size(); group += GROUP) {
      const size_t end = group + GROUP < words.size() ? group + GROUP : words.size();
      for (size_t i = group; i < end; i++) {
        hashes_[i] = hash_of(text + words[i].start, words[i].length);
        words_.ask_for(words[i].length, hashes_[i]);
      }
      for (size_t i = group; i < end; i++)
        ids[i] = static_cast<int32_t>(words_.number_of(text + words[i].start, words[i].length, hashes_[i])) - 1;
    }
    size_t word = 0;
    for (const uint32_t end : cutter_.ends) {
      join(word, end);
      end_paragraph();
      word = end;
    }
    join(word, words.size());
    return true;
  }

  void join(size_t from, size_t to) {
    for (size_t i = from; i < to; i++) into_paragraph(hashes_[i]);
    tokens_ += static_cast<int64_t>(to - from);
  }
};

// Renumber paragraphs [first, last) in place and close the gaps of words that are left out (-1 in `renumbered`).
// `ends[i + 1]` is where paragraph i ends; from `place` (tokens, paragraphs written) on, `ids` and `ends` become those
// of the paragraphs for training; held-out ones come back as (ids, lengths). Returns also the new place.
nb::tuple renumber(nb::ndarray<int32_t, nb::ndim<1>, nb::c_contig> ids, nb::ndarray<int64_t, nb::ndim<1>, nb::c_contig> ends,
                   nb::ndarray<const int32_t, nb::ndim<1>, nb::c_contig> renumbered, int64_t first, int64_t last,
                   int64_t from, int64_t token, int64_t paragraph) {
  std::vector<int32_t> held;
  std::vector<int64_t> lengths;
  {
    const nb::gil_scoped_release unlocked;
    int32_t *id = ids.data();
    int64_t *end = ends.data();
    const int32_t *now = renumbered.data();
    for (int64_t i = first; i < last; i++) {
      const bool is_held = end[i + 1] < 0;
      const int64_t to = is_held ? ~end[i + 1] : end[i + 1];
      const size_t held_before = held.size();
      if (is_held) held.resize(held_before + static_cast<size_t>(to - from));
      int32_t *const start = is_held ? held.data() + held_before : id + token;
      int32_t *out = start;
      for (; from < to; from++) {
        const int32_t number = now[id[from]];
        *out = number;
        out += number >= 0;
      }
      const int64_t kept = out - start;
      if (is_held) {
        held.resize(held_before + static_cast<size_t>(kept));
        if (kept) lengths.push_back(kept);
      } else if (kept) {
        token += kept;
        end[++paragraph] = token;
      }
    }
  }
  return nb::make_tuple(as_array<Array32>(std::move(held)), as_array<Array64>(std::move(lengths)), from, token, paragraph);
}

// Cut texts into words; the line ends of a text are spaces.
nb::list cut(nb::sequence texts, bool words, bool lowercase, int digits) {
  Cutter cutter({words, lowercase, static_cast<Digits>(digits)});
  cutter.nul_allowed = true;
  nb::list out;
  for (nb::handle item : texts) {
    Py_ssize_t length;
    const char *text = PyUnicode_Check(item.ptr()) ? PyUnicode_AsUTF8AndSize(item.ptr(), &length) : nullptr;
    if (!text) {
      if (PyErr_Occurred()) throw nb::python_error();
      throw nb::type_error("a text must be a string");
    }
    cutter.cut(reinterpret_cast<const uint8_t *>(text), static_cast<size_t>(length));
    nb::list found;
    for (const Word &word : cutter.words)
      found.append(as_str(reinterpret_cast<const char *>(cutter.text.data()) + word.start, word.length));
    out.append(found);
  }
  return out;
}

}  // namespace
}  // namespace likewise

void bind_text(nb::module_ &m) {
  using likewise::Counter;
  nb::class_<Counter>(m, "Counter")
      .def(nb::init<bool, bool, int, uint64_t>())
      .def("feed", &Counter::feed)
      .def("finish", &Counter::finish)
      .def("feed_words", &Counter::feed_words)
      .def("take_out", &Counter::take_out)
      .def("counts", &Counter::counts)
      .def("words", &Counter::words)
      .def("numbers", &Counter::numbers)
      .def_prop_ro("fault", &Counter::fault)
      .def_prop_ro("size", &Counter::size)
      .def_prop_ro("tokens", &Counter::tokens)
      .def_prop_ro("paragraphs", &Counter::paragraphs);
  m.def("renumber", &likewise::renumber);
  m.def("cut", &likewise::cut);
}
