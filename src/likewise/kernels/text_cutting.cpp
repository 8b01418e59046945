// Cutting text: see text_cutting.hpp.
#include "text_cutting.hpp"

#include <cstring>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "unicode_table.hpp"

namespace likewise {
namespace {

enum Kind : uint8_t { OTHER, LETTER, IDEOGRAPH, DIGIT, MARK, SPACE };
constexpr uint32_t POINTS = 0x110000, CASED = 0x20000;

// What is known of every code point: spread from ranges once, into memory that stays untouched where nothing is known.
struct Points {
  uint8_t kind[POINTS];
  int32_t lower[CASED];  // distance to the lower case
};

const Points &points() {
  static Points table;
  static const bool spread = [] {
    for (const ClassRange &range : CLASS_RANGES)
      std::memset(table.kind + range.first, range.kind, range.last - range.first + 1);
    for (const LowerRange &range : LOWER_RANGES)
      for (uint32_t point = range.first; point <= range.last; point += range.stride) table.lower[point] = range.distance;
    return true;
  }();
  (void)spread;
  return table;
}

// Decode the point at `at`; its length in bytes, or 0 if this is not UTF-8.
inline int decode(const uint8_t *at, const uint8_t *to, uint32_t &point) {
  const uint8_t first = at[0];
  const ptrdiff_t left = to - at;
  const auto follows = [&](int i) { return (at[i] & 0xC0) == 0x80; };
  if (first < 0x80) return point = first, 1;
  if (first < 0xC2) return 0;
  if (first < 0xE0) {
    if (left < 2 || !follows(1)) return 0;
    return point = (first & 31u) << 6 | (at[1] & 63u), 2;
  }
  if (first < 0xF0) {
    if (left < 3 || !follows(1) || !follows(2)) return 0;
    point = (first & 15u) << 12 | (at[1] & 63u) << 6 | (at[2] & 63u);
    return point < 0x800 || (point >= 0xD800 && point < 0xE000) ? 0 : 3;
  }
  if (first > 0xF4 || left < 4 || !follows(1) || !follows(2) || !follows(3)) return 0;
  point = (first & 7u) << 18 | (at[1] & 63u) << 12 | (at[2] & 63u) << 6 | (at[3] & 63u);
  return point < 0x10000 || point > 0x10FFFF ? 0 : 4;
}

inline int encode(uint32_t point, uint8_t *to) {
  const auto rest = [&](int shift) { return static_cast<uint8_t>(0x80 | ((point >> shift) & 63)); };
  if (point < 0x80) return to[0] = static_cast<uint8_t>(point), 1;
  if (point < 0x800) return to[0] = static_cast<uint8_t>(0xC0 | point >> 6), to[1] = rest(0), 2;
  if (point < 0x10000)
    return to[0] = static_cast<uint8_t>(0xE0 | point >> 12), to[1] = rest(6), to[2] = rest(0), 3;
  return to[0] = static_cast<uint8_t>(0xF0 | point >> 18), to[1] = rest(12), to[2] = rest(6), to[3] = rest(0), 4;
}

inline bool has_high(const uint8_t *at, size_t size) {
  uint64_t any = 0, eight;
  size_t i = 0;
  for (; i + 8 <= size; i += 8) std::memcpy(&eight, at + i, 8), any |= eight;
  for (; i < size; i++) any |= static_cast<uint64_t>(at[i]) << 56 | at[i];
  return any & 0x8080808080808080ull;
}

// The first byte that is not ASCII.
const uint8_t *first_high(const uint8_t *from, const uint8_t *to) {
  while (to - from >= 64 && !has_high(from, 64)) from += 64;
  while (from < to && *from < 0x80) from++;
  return from;
}

struct Masks {  // a bit for each of 64 bytes
  uint64_t letter, digit, space, apostrophe, feed, carriage, nul;
};

#if defined(__SSE2__)
inline __m128i between(__m128i bytes, char low, char high) {
  return _mm_and_si128(_mm_cmpgt_epi8(bytes, _mm_set1_epi8(static_cast<char>(low - 1))),
                       _mm_cmpgt_epi8(_mm_set1_epi8(static_cast<char>(high + 1)), bytes));
}

inline uint64_t bits(__m128i found) { return static_cast<uint32_t>(_mm_movemask_epi8(found)); }

inline Masks classify(const uint8_t *from, uint8_t *to, bool lowercase, bool mask_digits) {
  Masks m{};
  for (int i = 0; i < 4; i++) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i *>(from) + i);
    const __m128i bit5 = _mm_set1_epi8(0x20);
    const __m128i letter = between(_mm_or_si128(bytes, bit5), 'a', 'z');
    const __m128i digit = between(bytes, '0', '9');
    const __m128i low = between(bytes, 9, 13);  // tab, feed, carriage return and two more
    const __m128i space = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, bit5), low), between(bytes, 28, 31));
    __m128i written = bytes;
    if (lowercase) written = _mm_or_si128(written, _mm_and_si128(letter, bit5));
    if (mask_digits) written = _mm_or_si128(_mm_andnot_si128(digit, written), _mm_and_si128(digit, _mm_set1_epi8('0')));
    _mm_storeu_si128(reinterpret_cast<__m128i *>(to) + i, written);
    m.letter |= bits(letter) << (16 * i);
    m.digit |= bits(digit) << (16 * i);
    m.space |= bits(space) << (16 * i);
    m.apostrophe |= bits(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('\''))) << (16 * i);
    m.nul |= bits(_mm_cmpeq_epi8(bytes, _mm_setzero_si128())) << (16 * i);
    if (bits(low)) {
      m.feed |= bits(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('\n'))) << (16 * i);
      m.carriage |= bits(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('\r'))) << (16 * i);
    }
  }
  return m;
}
#else
inline Masks classify(const uint8_t *from, uint8_t *to, bool lowercase, bool mask_digits) {
  Masks m{};
  for (int i = 0; i < 64; i++) {
    const uint8_t byte = from[i];
    const uint64_t bit = 1ull << i;
    const bool letter = static_cast<uint8_t>((byte | 0x20) - 'a') < 26, digit = static_cast<uint8_t>(byte - '0') < 10;
    to[i] = letter && lowercase ? byte | 0x20 : digit && mask_digits ? '0' : byte;
    if (letter) m.letter |= bit;
    else if (digit) m.digit |= bit;
    else if (byte == ' ' || (byte >= 9 && byte <= 13) || (byte >= 28 && byte <= 31)) m.space |= bit;
    else if (byte == '\'') m.apostrophe |= bit;
    else if (byte == 0) m.nul |= bit;
    if (byte == '\n') m.feed |= bit;
    if (byte == '\r') m.carriage |= bit;
  }
  return m;
}
#endif

// How many lines end here: CR LF is one end.
inline uint64_t lines_in(uint64_t carriage, uint64_t feed, bool after_return) {
  const uint64_t alone = feed & ~(carriage << 1 | static_cast<uint64_t>(after_return));
  return static_cast<uint64_t>(__builtin_popcountll(carriage) + __builtin_popcountll(alone));
}

inline bool is_letter(uint8_t byte) { return static_cast<uint8_t>((byte | 0x20) - 'a') < 26; }

}  // namespace

Cutter::Cutter(Cutting options) : options_(options) { points(); }

void Cutter::restart() {
  offset_ = 0, line = 1, after_return_ = false;
}

void Cutter::stop(Fault kind, const uint8_t *at) {
  fault = kind;
  fault_at = offset_ + static_cast<size_t>(at - piece_);
}

void Cutter::cut(const uint8_t *bytes, size_t size) {
  if (text.size() < 2 * size + 256) text.resize(2 * size + 256);
  words.clear(), ends.clear();
  written_ = 0, piece_ = bytes;
  const uint8_t *from = bytes, *const to = bytes + size;
  while (from < to && fault == Fault::none) {
    const uint8_t *high = first_high(from, to);
    if (high < to)
      while (high > from && !safe_cut(high[-1])) high--;
    cut_ascii(from, high);
    from = fault == Fault::none && high < to ? cut_any(high, to) : high;
  }
  offset_ += size;
}

// All of [from, to) is ASCII, and a word may neither go on behind it nor have begun before it.
void Cutter::cut_ascii(const uint8_t *from, const uint8_t *to) {
  const size_t size = static_cast<size_t>(to - from);
  if (edges_.size() < size + 66) edges_.resize(size + 66);
  const uint32_t base = static_cast<uint32_t>(written_);
  const size_t words_before = words.size();
  uint32_t *edge = edges_.data();
  uint64_t inside = 0, letter_before = 0;
  for (size_t i = 0; i < size; i += 64) {
    uint8_t tail[64];
    const uint8_t *here = from + i;
    if (size - i < 64) {
      std::memset(tail, ' ', 64);
      std::memcpy(tail, here, size - i);
      here = tail;
    }
    const Masks m = classify(here, text.data() + written_ + i, options_.lowercase, options_.digits == Digits::mask);
    if (m.nul && !nul_allowed) {
      const uint64_t ahead = (m.nul & -m.nul) - 1;
      line += lines_in(m.carriage & ahead, m.feed & ahead, after_return_);
      return stop(Fault::nul, from + i + __builtin_ctzll(m.nul));
    }
    uint64_t part = options_.words ? m.letter | m.digit : ~m.space;
    if (options_.digits == Digits::drop) part &= ~m.digit;
    if (m.apostrophe && options_.words) {
      const uint64_t next = size - i > 64 && is_letter(from[i + 64]);
      part |= m.apostrophe & (m.letter << 1 | letter_before) & (m.letter >> 1 | next << 63);
    }
    letter_before = m.letter >> 63;
    uint64_t change = part ^ (part << 1 | inside);
    inside = part >> 63;
    if (m.feed | m.carriage) {
      line += lines_in(m.carriage, m.feed, after_return_);
      const uint32_t edges_so_far = static_cast<uint32_t>(edge - edges_.data());
      for (uint64_t left = m.feed | m.carriage; left; left &= left - 1) {
        const uint64_t upto = (2ull << __builtin_ctzll(left)) - 1;
        const int more = __builtin_popcountll(change & upto);
        ends.push_back(static_cast<uint32_t>(words_before) + (edges_so_far + static_cast<uint32_t>(more)) / 2);
      }
    }
    after_return_ = size - i >= 64 ? m.carriage >> 63 : to[-1] == '\r';
    for (; change; change &= change - 1) *edge++ = static_cast<uint32_t>(i) + static_cast<uint32_t>(__builtin_ctzll(change));
  }
  if (inside) *edge++ = static_cast<uint32_t>(size);
  const size_t count = static_cast<size_t>(edge - edges_.data()) / 2;
  words.resize(words_before + count);
  for (size_t i = 0; i < count; i++)
    words[words_before + i] = {base + edges_[2 * i], edges_[2 * i + 1] - edges_[2 * i]};
  written_ += size;
}

void Cutter::close(int64_t &open) {
  if (open >= 0) words.push_back({static_cast<uint32_t>(open), static_cast<uint32_t>(written_ - static_cast<size_t>(open))});
  open = -1;
}

void Cutter::end_of_line(uint8_t byte) {
  line += byte == '\r' || !after_return_;
  ends.push_back(static_cast<uint32_t>(words.size()));
}

// Cut whatever is there until `to`, or until a place from which the next 48 bytes are ASCII; return where it stopped.
const uint8_t *Cutter::cut_any(const uint8_t *from, const uint8_t *to) {
  const Points &known = points();
  const bool drop = options_.digits == Digits::drop;
  int64_t open = -1;  // where the word began in `text`
  uint8_t before = OTHER;
  uint32_t point = 0;
  for (const uint8_t *at = from; at < to;) {
    const int length = decode(at, to, point);
    if (!length) return stop(Fault::encoding, at), at;
    if (!point && !nul_allowed) return stop(Fault::nul, at), at;
    uint8_t kind = known.kind[point];
    const uint8_t *next = at + length;
    if (kind == DIGIT && drop) kind = options_.words ? OTHER : SPACE;
    bool part;
    if (options_.words) {
      if (before == LETTER && (point == '\'' || point == 0x2019)) {
        uint32_t following = 0;
        if (next < to && decode(next, to, following) && known.kind[following] == LETTER) {
          text[written_++] = '\'';
          before = OTHER, at = next, after_return_ = false;
          continue;
        }
      }
      const bool joined = open >= 0 && (kind == MARK || ((kind == LETTER || kind == DIGIT) && before != IDEOGRAPH));
      if (!joined) close(open);
      part = joined || kind == LETTER || kind == DIGIT || kind == IDEOGRAPH;
    } else {
      part = kind != SPACE;
      if (!part) close(open);
    }
    if (part) {
      if (open < 0) open = static_cast<int64_t>(written_);
      if (options_.lowercase && point < CASED) point = static_cast<uint32_t>(static_cast<int32_t>(point) + known.lower[point]);
      if (kind == DIGIT && options_.digits == Digits::mask) point = '0';
      written_ += static_cast<size_t>(encode(point, text.data() + written_));
      if (kind != MARK) before = kind;
    } else {
      before = OTHER;
      if (*at == '\n' || *at == '\r') end_of_line(*at);
      after_return_ = *at == '\r';
      if (safe_cut(*at) && (to - next < 48 ? next == to : !has_high(next, 48))) return next;
      at = next;
      continue;
    }
    after_return_ = false;
    at = next;
  }
  close(open);
  return to;
}

}  // namespace likewise
