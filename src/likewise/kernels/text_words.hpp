// The words of a text by their bytes: a word in, its number in order of first appearance out, and its count kept.
//
// Words of up to 16 bytes are their own key, two numbers; longer ones are compared in the arena where every word is
// kept once. The slots of a few dozen words are asked for before they are looked at, so that their way from memory
// overlaps.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <stdexcept>
#include <vector>

namespace likewise {

constexpr uint64_t MULTIPLIER = 0x9E3779B97F4A7C15ull, SEED = 0x2545F4914F6CDD1Dull;

inline uint64_t load(const uint8_t *at) {
  uint64_t value;
  std::memcpy(&value, at, 8);
  return value;
}

// The first 16 bytes of a word as two numbers, little endian, zero beyond its end.
struct Key {
  uint64_t first, last;
  bool operator==(const Key &other) const { return !((first ^ other.first) | (last ^ other.last)); }
};

struct Ends {
  Key keep[17];
  constexpr Ends() : keep() {
    for (int n = 0; n <= 16; n++) {
      keep[n].first = n >= 8 ? ~0ull : (1ull << (8 * n)) - 1;
      keep[n].last = n == 16 ? ~0ull : n > 8 ? (1ull << (8 * (n - 8))) - 1 : 0;
    }
  }
};
constexpr Ends ENDS;

// Of a word of up to 16 bytes; 16 are read.
inline Key key_of(const uint8_t *word, size_t length) {
  const Key &keep = ENDS.keep[length];
  return {load(word) & keep.first, load(word + 8) & keep.last};
}

inline uint64_t mixed(uint64_t h, Key key) {
  h = (h ^ key.first) * MULTIPLIER;
  h = ((h ^ h >> 32) ^ key.last) * MULTIPLIER;
  return h ^ h >> 32;
}

inline uint64_t hash_of(const uint8_t *word, size_t length) {
  uint64_t h = SEED ^ length;
  for (; length > 16; length -= 16, word += 16) h = mixed(h, {load(word), load(word + 8)});
  return mixed(h, key_of(word, length));
}

struct Short {  // up to 16 bytes
  Key key;
  uint32_t number;  // from 1; 0 is an empty slot
  uint32_t count;
};

struct Long {
  uint64_t hash;
  uint32_t number, count;
};

template <typename Slot>
class Table {
 public:
  Table() { make(1 << 12); }
  Slot &home(uint64_t hash) const { return slots_[hash >> shift_]; }
  Slot &after(Slot &slot) const { return &slot == slots_.get() + mask_ ? slots_[0] : *(&slot + 1); }
  size_t size() const { return mask_ + 1; }
  const Slot &at(size_t i) const { return slots_[i]; }

  template <typename HashOf>
  void took_one(HashOf hash_of_slot) {
    if (++used_ * 2 < size()) return;
    const std::unique_ptr<Slot[], Freed> old = std::move(slots_);
    const size_t before = size();
    make(2 * before);
    for (size_t i = 0; i < before; i++) {
      if (!old[i].number) continue;
      Slot *slot = &home(hash_of_slot(old[i]));
      while (slot->number) slot = &after(*slot);
      *slot = old[i];
    }
  }

 private:
  struct Freed {
    void operator()(Slot *slots) const { std::free(slots); }
  };
  std::unique_ptr<Slot[], Freed> slots_;
  size_t mask_ = 0, used_ = 0;
  int shift_ = 0;

  void make(size_t size) {
    slots_.reset(static_cast<Slot *>(std::calloc(size, sizeof(Slot))));
    if (!slots_) throw std::bad_alloc();
    mask_ = size - 1;
    shift_ = 64 - __builtin_ctzll(size);
  }
};

class Words {
 public:
  // Count a word and return its number, from 1.
  inline uint32_t number_of(const uint8_t *word, size_t length, uint64_t hash) {
    if (length <= 16) {
      Short &slot = slot_of(key_of(word, length), hash);
      return slot.number ? counted(slot) : filled(slot, word, length, 1);
    }
    Long &slot = slot_of(word, length, hash);
    return slot.number ? counted(slot) : filled(slot, word, length, hash, 1);
  }

  // Return the number of a word, or 0.
  uint32_t find(const uint8_t *word, size_t length, uint64_t hash) const {
    return length <= 16 ? slot_of(key_of(word, length), hash).number : slot_of(word, length, hash).number;
  }

  // Give a number to a word that has none, without counting it.
  uint32_t add(const uint8_t *word, size_t length, uint64_t hash) {
    return length <= 16 ? filled(slot_of(key_of(word, length), hash), word, length, 0)
                        : filled(slot_of(word, length, hash), word, length, hash, 0);
  }

  inline void ask_for(size_t length, uint64_t hash) const {
    if (length <= 16) __builtin_prefetch(&short_.home(hash), 1);
    else __builtin_prefetch(&long_.home(hash), 1);
  }

  size_t size() const { return starts_.size() - 1; }
  const char *start(size_t i) const { return reinterpret_cast<const char *>(arena_.data()) + starts_[i]; }
  size_t length(size_t i) const { return starts_[i + 1] - starts_[i]; }

  void counts(int64_t *out) const {
    for (size_t i = 0; i < spilled_.size(); i++) out[i] = spilled_[i];
    for (size_t i = spilled_.size(); i < size(); i++) out[i] = 0;
    add_counts(short_, out), add_counts(long_, out);
  }

 private:
  Table<Short> short_;
  Table<Long> long_;
  std::vector<uint8_t> arena_;
  std::vector<size_t> starts_{0};
  std::vector<int64_t> spilled_;  // counts beyond 32 bits

  Short &slot_of(Key key, uint64_t hash) const {
    Short *slot = &short_.home(hash);
    while (slot->number && !(slot->key == key)) slot = &short_.after(*slot);
    return *slot;
  }

  Long &slot_of(const uint8_t *word, size_t length, uint64_t hash) const {
    Long *slot = &long_.home(hash);
    while (slot->number && !(slot->hash == hash && is(slot->number - 1, word, length))) slot = &long_.after(*slot);
    return *slot;
  }

  uint32_t filled(Short &slot, const uint8_t *word, size_t length, uint32_t count) {
    slot = {key_of(word, length), added(word, length), count};
    const uint32_t number = slot.number;
    short_.took_one([this](const Short &s) { return hash_of_key(s); });
    return number;
  }

  uint32_t filled(Long &slot, const uint8_t *word, size_t length, uint64_t hash, uint32_t count) {
    slot = {hash, added(word, length), count};
    const uint32_t number = slot.number;
    long_.took_one([](const Long &s) { return s.hash; });
    return number;
  }

  uint64_t hash_of_key(const Short &slot) const { return mixed(SEED ^ length(slot.number - 1), slot.key); }

  template <typename Slot>
  uint32_t counted(Slot &slot) {
    if (++slot.count == 1u << 31) {
      if (spilled_.size() < slot.number) spilled_.resize(slot.number);
      spilled_[slot.number - 1] += slot.count;
      slot.count = 0;
    }
    return slot.number;
  }

  template <typename Slot>
  static void add_counts(const Table<Slot> &table, int64_t *out) {
    for (size_t i = 0; i < table.size(); i++)
      if (table.at(i).number) out[table.at(i).number - 1] += table.at(i).count;
  }

  uint32_t added(const uint8_t *word, size_t length) {
    if (size() >= 0x7FFFFFFE) throw std::length_error("more than 2^31 different words");
    arena_.insert(arena_.end(), word, word + length);
    starts_.push_back(arena_.size());
    return static_cast<uint32_t>(size());
  }

  bool is(size_t i, const uint8_t *word, size_t length) const {
    return starts_[i + 1] - starts_[i] == length && !std::memcmp(arena_.data() + starts_[i], word, length);
  }
};

}  // namespace likewise
