// Which instruction set a kernel was compiled for, and which one this machine has.
// In: nothing. Out: the levels by name, fastest last; LIKEWISE_FOR_EACH_LEVEL declares something once per level.
#pragma once

#if defined(LIKEWISE_HAS_avx512)
#define LIKEWISE_FOR_EACH_LEVEL(X) X(baseline) X(avx2) X(avx512)
#else
#define LIKEWISE_FOR_EACH_LEVEL(X) X(baseline)
#endif

namespace likewise {

enum class Level : int { baseline, avx2, avx512 };

inline bool machine_has(Level level) {
#if defined(LIKEWISE_HAS_avx512)
  if (level == Level::avx2) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
           __builtin_cpu_supports("bmi2");
  }
  if (level == Level::avx512) {
    return machine_has(Level::avx2) && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
  }
#endif
  return level == Level::baseline;
}

}  // namespace likewise
