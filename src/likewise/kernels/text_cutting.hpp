// Cutting text: bytes of UTF-8 in, the words in their written form and the ends of paragraphs out.
//
// What a word is, text_twin.py defines. Pieces of pure ASCII are classified 64 bytes at a time into bit masks, whose
// changes are the edges of words; anything else is decoded point by point, which also proves that it is UTF-8.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace likewise {

enum class Digits { keep, mask, drop };

struct Cutting {
  bool words = true;  // else what stands between spaces
  bool lowercase = true;
  Digits digits = Digits::keep;
};

struct Word {
  uint32_t start, length;  // in `Cutter::text`
};

enum class Fault { none, encoding, nul };

// One instance cuts one stream; what it found of a piece is there until the next.
class Cutter {
 public:
  explicit Cutter(Cutting options);

  // Cut `size` bytes that begin where a word may begin and end where one ends (safe_cut). Stops at a fault.
  void cut(const uint8_t *bytes, size_t size);

  // The written form of words, 16 bytes of slack behind it.
  std::vector<uint8_t> text;
  std::vector<Word> words;
  std::vector<uint32_t> ends;  // how many words stood before each end of a paragraph
  Fault fault = Fault::none;
  size_t fault_at = 0;  // byte of the stream
  uint64_t line = 1;    // the line that the next byte is in
  bool nul_allowed = false;

  void restart();  // the next byte is the first of a file

 private:
  Cutting options_;
  uint64_t offset_ = 0;  // bytes of the stream before this piece
  bool after_return_ = false;
  size_t written_ = 0;
  const uint8_t *piece_ = nullptr;
  std::vector<uint32_t> edges_;

  void cut_ascii(const uint8_t *from, const uint8_t *to);
  const uint8_t *cut_any(const uint8_t *from, const uint8_t *to);
  void close(int64_t &open);
  void end_of_line(uint8_t byte);
  void stop(Fault fault, const uint8_t *at);
};

// Whether a word surely ends before this byte, whatever comes next.
inline bool safe_cut(uint8_t byte) { return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t'; }

}  // namespace likewise
