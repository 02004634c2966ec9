// Which instruction set the inner loops use.
#pragma once

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum nt_instruction_set {
  nt_baseline = 0,  // SSE2 on x86-64, NEON on arm64
  nt_avx2 = 1,      // AVX2 and FMA
  nt_avx512 = 2,    // AVX-512 F, BW, DQ and VL
} nt_instruction_set;

// Names the instruction set to use instead of the processor's best: baseline, avx2 or avx512.
#define NT_INSTRUCTION_SET_VARIABLE "NEURAL_TANGENTS_ISA"

// The best instruction set of this processor, or the one that the variable NEURAL_TANGENTS_ISA of the environment names.
// Decided once. Where the variable names none, or none that the processor has, the best one is used, and a line on standard
// error says so, once; a program had better stop (nt_instruction_set_mistake).
nt_instruction_set nt_selected_instruction_set(void);

// The best instruction set that this processor has.
nt_instruction_set nt_best_instruction_set(void);

// baseline, avx2 or avx512.
const char *nt_instruction_set_name(nt_instruction_set set);

// What somebody wishes by the name of an instruction set; none when it is NULL or empty.
typedef enum nt_instruction_set_wish {
  nt_wish_none, nt_wish_granted, nt_wish_unknown, nt_wish_beyond_processor,
} nt_instruction_set_wish;

// Sets `set` to the one that `text` names, and to the best when that cannot be.
nt_instruction_set_wish nt_read_instruction_set(const char *text, nt_instruction_set *set);

// Writes what is wrong with the variable of the environment, one line, as snprintf does, and returns its length; 0 when
// nothing is.
int nt_instruction_set_mistake(char *message, size_t size);

// From now on this one is used, which the processor must have: for tests, while no other thread computes.
void nt_select_instruction_set(nt_instruction_set set);

#ifdef __cplusplus
}
#endif
