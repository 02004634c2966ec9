// Which instruction set the inner loops use.
#pragma once

#ifdef __cplusplus
extern "C" {
#endif

typedef enum nt_instruction_set {
  nt_baseline = 0,  // SSE2 on x86-64, NEON on arm64
  nt_avx2 = 1,      // AVX2 and FMA
  nt_avx512 = 2,    // AVX-512 F, BW, DQ and VL
} nt_instruction_set;

// The best instruction set of this processor, or the one that the environment variable
// NEURAL_TANGENTS_ISA (baseline, avx2 or avx512) names when the processor has it. Decided once.
nt_instruction_set nt_selected_instruction_set(void);

// The best instruction set that this processor has.
nt_instruction_set nt_best_instruction_set(void);

// baseline, avx2 or avx512.
const char *nt_instruction_set_name(nt_instruction_set set);

#ifdef __cplusplus
}
#endif
