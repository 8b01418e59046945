// Runs the window kernels over a stretch of text: on one thread, or on a team whose size changes no bit.
// In: a task that was checked, a level. Out: the task's tables one stretch further, how many centres and pairs there were.
#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <memory>
#include <new>
#include <stdexcept>
#include <thread>
#include <vector>

#include "words.hpp"

namespace likewise {
namespace {

constexpr std::int64_t STRETCH = 4096;  // tokens that one thread draws at a time, where words are whole: 1 % faster

// The functions of one level.
struct Kernels {
  decltype(&baseline::draw_segment) draw;
  decltype(&baseline::gather) gather;
  decltype(&baseline::scatter) scatter;
  decltype(&baseline::learn_in_order) learn;
  decltype(&baseline::find_steps) find;
  decltype(&baseline::take_steps) take;
};

Kernels kernels_at(Level level) {
  switch (level) {
#define CASE(name)                                                                                        \
  case Level::name:                                                                                       \
    return {&name::draw_segment, &name::gather, &name::scatter, &name::learn_in_order, &name::find_steps, \
            &name::take_steps};
    LIKEWISE_FOR_EACH_LEVEL(CASE)
#undef CASE
    default: throw std::invalid_argument("no such level");
  }
}

// One stretch of memory for all that is needed, cut into arrays on 64-byte bounds.
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

void plan_block(Arena &arena, WindowBlock &b, const WindowTask &task, std::int64_t tokens) {
  b.capacity = tokens + 2 * task.window;
  arena.plan(b.kept, b.capacity + 1);
  arena.plan(b.position, b.capacity + 1);
  arena.plan(b.sentence, b.capacity + 1);
  arena.plan(b.from, b.capacity);
  arena.plan(b.to, b.capacity);
  arena.plan(b.twin, b.capacity);
  arena.plan(b.rate, b.capacity);
  arena.plan(b.noise, b.capacity * task.negative);
  arena.plan(b.odd, b.capacity);
  arena.plan(b.draw, b.capacity);
  arena.plan(b.steps, b.capacity);
  b.places = 0;
  if (!task.wholes) return;
  for (b.places = 1; b.places < 2 * b.capacity;) b.places *= 2;
  arena.plan(b.slot, b.capacity);
  arena.plan(b.word, b.capacity);
  arena.plan(b.hash, b.places);
}

void plan_scratch(Arena &arena, WindowScratch &s, const WindowTask &task) {
  arena.plan(s.weights, 2 * task.window);
  arena.plan(s.labels, 48);
  arena.plan(s.old, (2 * task.window + task.longest) * 32);
  arena.plan(s.mixed, task.stride);
  arena.plan(s.inputs, 2 * task.window);
  arena.plan(s.outputs, task.longest);
}

// Where the words of a block stand: the table itself, or for words that are made of parts a copy of their means.
struct Means {
  float *hidden = nullptr, *before = nullptr;
  void plan(Arena &arena, const WindowTask &task) {
    if (!task.wholes) return;
    arena.plan(hidden, (SEGMENT + 2 * task.window) * task.stride);
    arena.plan(before, (SEGMENT + 2 * task.window) * task.stride);
  }
  float *inputs(const WindowTask &task) const { return task.wholes ? hidden : task.vectors; }
};

// Where a team of threads waits until all are there; the processor is given away when it takes long.
class Meeting {
 public:
  explicit Meeting(int members) : members_(members) {}
  void wait() {
    const unsigned turn = turn_.load(std::memory_order_acquire);
    if (here_.fetch_add(1, std::memory_order_acq_rel) + 1 == members_) {
      here_.store(0, std::memory_order_relaxed);
      turn_.store(turn + 1, std::memory_order_release);
      return;
    }
    for (int spin = 0; turn_.load(std::memory_order_acquire) == turn; ++spin) {
      if (spin > 2000) std::this_thread::yield();
    }
  }

 private:
  const int members_;
  std::atomic<int> here_{0};
  std::atomic<unsigned> turn_{0};
};

// Learns a stretch with several threads so that their number changes no bit: the steps of a batch are found first, from
// the tables as they are, each centre by any thread; then they are taken in order, each thread in columns of its own.
class Team {
 public:
  Team(const WindowTask &task, const Kernels &kernels, std::int64_t begin, std::int64_t end, int threads)
      : task_(task), kernels_(kernels), begin_(begin), end_(end), threads_(threads), meeting_(threads),
        scratches_(static_cast<std::size_t>(threads)) {
    for (WindowBlock &block : blocks_) plan_block(arena_, block, task, SEGMENT);
    for (WindowScratch &scratch : scratches_) plan_scratch(arena_, scratch, task);
    means_.plan(arena_, task);
    arena_.make();
  }

  WindowDone run() {
    std::vector<std::thread> others;
    for (int t = 1; t < threads_; ++t) others.emplace_back([this, t] { work(t); });
    work(0);
    for (std::thread &other : others) other.join();
    if (failed_) throw std::bad_alloc();
    return done_;
  }

 private:
  static constexpr int BLOCKS = 8;  // segments that are drawn at a time, to share that work, too

  // Cut the stretch at [from, …) into blocks; return how many.
  int cut(std::int64_t from, std::int64_t *at) const {
    int n = 0;
    at[0] = from;
    while (n < BLOCKS && at[n] < end_) {
      at[n + 1] = std::min(end_, (at[n] / task_.span + 1) * task_.span);
      ++n;
    }
    return n;
  }

  void work(int t) {
    const std::int64_t units = task_.stride / 16;
    const std::int64_t low = units * t / threads_ * 16, high = units * (t + 1) / threads_ * 16;
    std::int64_t at[BLOCKS + 1];
    for (std::int64_t from = begin_; from < end_;) {
      const int blocks = cut(from, at);
      for (int k = t; k < blocks; k += threads_) kernels_.draw(task_, blocks_[k], at[k], at[k + 1]);
      meeting_.wait();
      if (t == 0) make_room(blocks);
      meeting_.wait();
      if (failed_) return;
      for (int k = 0; k < blocks; ++k) learn(blocks_[k], t, low, high);
      meeting_.wait();
      from = at[blocks];
    }
  }

  void learn(const WindowBlock &block, int t, std::int64_t low, std::int64_t high) {
    WindowScratch &scratch = scratches_[static_cast<std::size_t>(t)];
    float *inputs = means_.inputs(task_);
    if (task_.wholes) {
      kernels_.gather(task_, block, means_.hidden, means_.before, low, high);
      meeting_.wait();
    }
    for (std::int64_t i = block.first; i < block.last;) {
      const std::int64_t close = block.position[i] / task_.batch * task_.batch + task_.batch, first = i;
      while (i < block.last && block.position[i] < close) ++i;
      const std::int64_t n = i - first, from = first + n * t / threads_, to = first + n * (t + 1) / threads_;
      kernels_.find(task_, block, scratch, inputs, steps_.get(), from, to);
      meeting_.wait();
      kernels_.take(task_, block, scratch, inputs, steps_.get(), first, i, low, high);
      meeting_.wait();
    }
    if (task_.wholes) kernels_.scatter(task_, block, means_.hidden, means_.before, low, high);
  }

  // Count what the drawn blocks hold, and make room for the steps of the largest.
  void make_room(int blocks) {
    std::int64_t floats = 0;
    for (int k = 0; k < blocks; ++k) {
      done_.centres += blocks_[k].last - blocks_[k].first;
      done_.pairs += blocks_[k].pairs;
      floats = std::max(floats, blocks_[k].floats);
    }
    if (floats <= room_) return;
    room_ = floats * 3 / 2 + 64;
    steps_.reset(static_cast<float *>(std::aligned_alloc(64, static_cast<std::size_t>(room_ * 4 + 63) / 64 * 64)));
    failed_ = !steps_;
  }

  const WindowTask &task_;
  const Kernels &kernels_;
  const std::int64_t begin_, end_;
  const int threads_;
  Meeting meeting_;
  Arena arena_;
  WindowBlock blocks_[BLOCKS];
  std::vector<WindowScratch> scratches_;
  Means means_;
  std::unique_ptr<float, decltype(&std::free)> steps_{nullptr, &std::free};
  std::int64_t room_ = 0;
  WindowDone done_ = {0, 0};
  bool failed_ = false;
};

}  // namespace

WindowDone learn_in_order(const WindowTask &task, Level level, std::int64_t begin, std::int64_t end) {
  const Kernels kernels = kernels_at(level);
  Arena arena;
  WindowBlock block;
  WindowScratch scratch;
  Means means;
  float *steps;
  const std::int64_t span = task.wholes ? task.span : STRETCH;
  plan_block(arena, block, task, std::max(span, SEGMENT));
  plan_scratch(arena, scratch, task);
  means.plan(arena, task);
  arena.plan(steps, steps_of(2 * task.window, task.longest));
  arena.make();
  WindowDone done = {0, 0};
  for (std::int64_t at = begin; at < end;) {
    const std::int64_t next = std::min(end, (at / span + 1) * span);
    kernels.draw(task, block, at, next);
    if (task.wholes) kernels.gather(task, block, means.hidden, means.before, 0, task.stride);
    kernels.learn(task, block, scratch, means.inputs(task), steps);
    if (task.wholes) kernels.scatter(task, block, means.hidden, means.before, 0, task.stride);
    done.centres += block.last - block.first;
    done.pairs += block.pairs;
    at = next;
  }
  return done;
}

WindowDone learn_together(const WindowTask &task, Level level, std::int64_t begin, std::int64_t end, int threads) {
  const Kernels kernels = kernels_at(level);
  return Team(task, kernels, begin, end, threads).run();
}

}  // namespace likewise
