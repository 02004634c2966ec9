// Which kinds of processor OpenBLAS has loops for ("cores"), and which of them is right for this processor.
#pragma once

// What a core's inner loops are written for. Each needs all before it.
typedef enum nt_core_level { nt_core_sse, nt_core_avx, nt_core_avx2, nt_core_avx512 } nt_core_level;

// What counts of a processor here.
typedef struct nt_processor {
  nt_core_level level;
  int has_bfloat16;  // AVX-512 with products of bfloat16, which the newest cores use
  int is_amd;
} nt_processor;

nt_processor nt_this_processor(void);

// The level of the core with this name. One that is not known is newer than this list, and taken for the highest:
// OpenBLAS has just learned of it, and will be right.
nt_core_level nt_level_of_core(const char *name);

// The cores that are right for a processor, the best first, then NULL.
typedef struct nt_core_names {
  const char *names[4];
} nt_core_names;
nt_core_names nt_cores_for(nt_processor processor);
