#include "nt_instruction_set.h"

#include <stdatomic.h>
#include <stdio.h>
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

nt_instruction_set_wish nt_read_instruction_set(const char *text, nt_instruction_set *set) {
  *set = nt_best_instruction_set();
  if (text == NULL || text[0] == '\0') return nt_wish_none;
  for (int known = nt_baseline; known <= nt_avx512; known++) {
    if (strcmp(text, nt_instruction_set_name((nt_instruction_set)known)) != 0) continue;
    if (known > (int)*set) return nt_wish_beyond_processor;
    *set = (nt_instruction_set)known;
    return nt_wish_granted;
  }
  return nt_wish_unknown;
}

int nt_instruction_set_mistake(char *message, size_t size) {
  const char *text = getenv(NT_INSTRUCTION_SET_VARIABLE);
  nt_instruction_set set;
  switch (nt_read_instruction_set(text, &set)) {
    case nt_wish_unknown:
      return snprintf(
        message, size, NT_INSTRUCTION_SET_VARIABLE ": expected baseline, avx2 or avx512, found \"%s\"", text);
    case nt_wish_beyond_processor:
      return snprintf(
        message, size, NT_INSTRUCTION_SET_VARIABLE ": this processor does not have %s; its best is %s", text,
        nt_instruction_set_name(set));
    default: return 0;
  }
}

static _Atomic int selected = -1;

nt_instruction_set nt_selected_instruction_set(void) {
  int known = atomic_load_explicit(&selected, memory_order_relaxed);
  if (known >= 0) return (nt_instruction_set)known;
  nt_instruction_set chosen;
  nt_read_instruction_set(getenv(NT_INSTRUCTION_SET_VARIABLE), &chosen);
  // Whoever decides first says what is wrong.
  if (!atomic_compare_exchange_strong(&selected, &known, (int)chosen)) return (nt_instruction_set)known;
  char message[256];
  if (nt_instruction_set_mistake(message, sizeof message) > 0)
    fprintf(stderr, "warning: %s; %s is used\n", message, nt_instruction_set_name(chosen));
  return chosen;
}

void nt_select_instruction_set(nt_instruction_set set) {
  atomic_store_explicit(&selected, (int)set, memory_order_relaxed);
}
