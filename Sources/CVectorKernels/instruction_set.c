#include "nt_instruction_set.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

nt_instruction_set nt_best_instruction_set(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
    return nt_avx512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return nt_avx2;
#endif
  return nt_baseline;
}

const char *nt_instruction_set_name(nt_instruction_set set) {
  switch (set) {
    case nt_avx512: return "avx512";
    case nt_avx2: return "avx2";
    default: return "baseline";
  }
}

nt_instruction_set nt_selected_instruction_set(void) {
  static _Atomic int selected = -1;
  int known = atomic_load_explicit(&selected, memory_order_relaxed);
  if (known >= 0) return (nt_instruction_set)known;
  nt_instruction_set best = nt_best_instruction_set();
  nt_instruction_set chosen = best;
  const char *wanted = getenv("NEURAL_TANGENTS_ISA");
  if (wanted != NULL)
    for (int set = nt_baseline; set <= (int)best; set++)
      if (strcmp(wanted, nt_instruction_set_name((nt_instruction_set)set)) == 0)
        chosen = (nt_instruction_set)set;
  atomic_store_explicit(&selected, (int)chosen, memory_order_relaxed);
  return chosen;
}
