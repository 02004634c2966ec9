// Includes the file that NT_BODY names once per instruction set of this processor family, then forgets NT_BODY.
// The body's functions end in _avx512, _avx2 or _baseline; NT_DISPATCH(f) is the selected one of the three.

#include "nt_instruction_set.h"

#if defined(__x86_64__)

#define NT_SUFFIX _avx512
#define NT_VECTOR_BYTES 64
#define NT_HAS_FMA 1
#define NT_SLEEF_SET avx512f
#define NT_REGISTER zmm
#define NT_SLEEF_F_LANES 16
#define NT_SLEEF_D_LANES 8
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"))), apply_to = function)
#include "simd.h"
#include NT_BODY
#pragma clang attribute pop
#include "simd_end.h"

#define NT_SUFFIX _avx2
#define NT_VECTOR_BYTES 32
#define NT_HAS_FMA 1
#define NT_SLEEF_SET avx2
#define NT_REGISTER ymm
#define NT_SLEEF_F_LANES 8
#define NT_SLEEF_D_LANES 4
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#include "simd.h"
#include NT_BODY
#pragma clang attribute pop
#include "simd_end.h"

#define NT_SUFFIX _baseline
#define NT_VECTOR_BYTES 16
#define NT_HAS_FMA 0
#define NT_SLEEF_SET sse2
#define NT_SLEEF_F_LANES 4
#define NT_SLEEF_D_LANES 2
#include "simd.h"
#include NT_BODY
#include "simd_end.h"

#define NT_DISPATCH(f)                                          \
  (nt_selected_instruction_set() == nt_avx512 ? f##_avx512      \
   : nt_selected_instruction_set() == nt_avx2 ? f##_avx2        \
                                              : f##_baseline)

#else

#define NT_SUFFIX _baseline
#define NT_VECTOR_BYTES 16
#define NT_HAS_FMA 1
#define NT_SLEEF_SET advsimd
#define NT_SLEEF_F_LANES 4
#define NT_SLEEF_D_LANES 2
#include "simd.h"
#include NT_BODY
#include "simd_end.h"

#define NT_DISPATCH(f) f##_baseline

#endif

#undef NT_BODY
