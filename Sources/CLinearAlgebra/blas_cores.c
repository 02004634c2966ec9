#include "blas_cores.h"

#include <stddef.h>
#include <strings.h>

nt_processor nt_this_processor(void) {
  nt_processor processor = {nt_core_sse, 0, 0};
#if defined(__x86_64__)
  // These ask the operating system, too, whether it saves the wide registers.
  __builtin_cpu_init();
  processor.is_amd = __builtin_cpu_is("amd") != 0;
  if (__builtin_cpu_supports("avx")) processor.level = nt_core_avx;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    processor.level = nt_core_avx2;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
      processor.level = nt_core_avx512;
      processor.has_bfloat16 = __builtin_cpu_supports("avx512bf16") != 0;
    }
  }
#else
  // All of OpenBLAS's cores for other families use the widest registers that every member of the family has.
  processor.level = nt_core_avx512;
#endif
  return processor;
}

nt_core_level nt_level_of_core(const char *name) {
  // As gotoblas_corename names them in OpenBLAS's driver/others/dynamic.c.
  static const struct {
    const char *name;
    nt_core_level level;
  } cores[] = {
    {"Unknown", nt_core_sse}, {"Katmai", nt_core_sse}, {"Coppermine", nt_core_sse}, {"Northwood", nt_core_sse},
    {"Prescott", nt_core_sse}, {"Banias", nt_core_sse}, {"Atom", nt_core_sse}, {"Core2", nt_core_sse},
    {"Penryn", nt_core_sse}, {"Dunnington", nt_core_sse}, {"Nehalem", nt_core_sse}, {"Athlon", nt_core_sse},
    {"Opteron", nt_core_sse}, {"Opteron_SSE3", nt_core_sse}, {"Opteron(SSE3)", nt_core_sse},
    {"Barcelona", nt_core_sse}, {"Bobcat", nt_core_sse}, {"Nano", nt_core_sse}, {"Sandybridge", nt_core_avx},
    {"Bulldozer", nt_core_avx}, {"Piledriver", nt_core_avx}, {"Steamroller", nt_core_avx},
    {"Excavator", nt_core_avx2}, {"Haswell", nt_core_avx2}, {"Zen", nt_core_avx2}, {"SkylakeX", nt_core_avx512},
    {"Cooperlake", nt_core_avx512}, {"Sapphirerapids", nt_core_avx512},
  };
  for (size_t i = 0; i < sizeof cores / sizeof *cores; i++)
    if (strcasecmp(name, cores[i].name) == 0) return cores[i].level;
  return nt_core_avx512;
}

nt_core_names nt_cores_for(nt_processor processor) {
  switch (processor.level) {
    case nt_core_avx512:
      if (processor.has_bfloat16) return (nt_core_names){{"Cooperlake", "SkylakeX", NULL}};
      return (nt_core_names){{"SkylakeX", NULL}};
    case nt_core_avx2:
      if (processor.is_amd) return (nt_core_names){{"Zen", "Haswell", NULL}};
      return (nt_core_names){{"Haswell", NULL}};
    case nt_core_avx: return (nt_core_names){{"Sandybridge", NULL}};
    default: return (nt_core_names){{NULL}};
  }
}
