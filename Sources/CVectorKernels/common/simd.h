// Vector types and operations for one instruction set. A file of inner loops includes its body once per instruction
// set through `every_instruction_set.h`; the body names its functions NAME(foo), its types VF (floats), VD (doubles),
// VI (int32 as wide as VF), VL (int64 as wide as VD), and uses the operations below. Included once; the names are
// expanded anew in every pass.

#define NT_JOIN_(a, b) a##b
#define NT_JOIN(a, b) NT_JOIN_(a, b)
#define NAME(base) NT_JOIN(base, NT_SUFFIX)

typedef float NAME(nt_vf) __attribute__((ext_vector_type(NT_VECTOR_BYTES / 4)));
typedef double NAME(nt_vd) __attribute__((ext_vector_type(NT_VECTOR_BYTES / 8)));
typedef int NAME(nt_vi) __attribute__((ext_vector_type(NT_VECTOR_BYTES / 4)));
typedef long long NAME(nt_vl) __attribute__((ext_vector_type(NT_VECTOR_BYTES / 8)));

#define VF NAME(nt_vf)
#define VD NAME(nt_vd)
#define VI NAME(nt_vi)
#define VL NAME(nt_vl)
#define F_LANES (NT_VECTOR_BYTES / 4)
#define D_LANES (NT_VECTOR_BYTES / 8)

#define V_SQRT(x) __builtin_elementwise_sqrt(x)
#define V_ABS(x) __builtin_elementwise_abs(x)
// Like fmin and fmax: a NaN operand is ignored. Use comparisons and V_SELECT where NaN must pass.
#define V_MIN(a, b) __builtin_elementwise_min(a, b)
#define V_MAX(a, b) __builtin_elementwise_max(a, b)
#define V_COPYSIGN(x, s) __builtin_elementwise_copysign(x, s)
// From here on the compiler knows nothing of the value of x.
#if defined(__x86_64__)
#define V_FORGET(x) __asm__("" : "+v"(x))
#else
#define V_FORGET(x) __asm__("" : "+w"(x))
#endif
// mask is the all-ones/zeros integer vector that a comparison of vectors gives.
#define V_SELECT(mask, a, b) ((mask) ? (a) : (b))
// One rounding where the processor has it (AVX2, AVX-512, NEON), two on SSE2.
#if NT_HAS_FMA
#define V_FMA(a, b, c) __builtin_elementwise_fma(a, b, c)
#else
#define V_FMA(a, b, c) ((a) * (b) + (c))
#endif

static inline __attribute__((always_inline)) VF NAME(nt_load_f)(const float *p) {
  VF v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}
static inline __attribute__((always_inline)) VD NAME(nt_load_d)(const double *p) {
  VD v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}
static inline __attribute__((always_inline)) void NAME(nt_store_f)(float *p, VF v) {
  __builtin_memcpy(p, &v, sizeof v);
}
static inline __attribute__((always_inline)) void NAME(nt_store_d)(double *p, VD v) {
  __builtin_memcpy(p, &v, sizeof v);
}
static inline __attribute__((always_inline)) VF NAME(nt_splat_f)(float x) { return (VF)x; }
static inline __attribute__((always_inline)) VD NAME(nt_splat_d)(double x) { return (VD)x; }
#define LOAD_F NAME(nt_load_f)
#define LOAD_D NAME(nt_load_d)
#define STORE_F NAME(nt_store_f)
#define STORE_D NAME(nt_store_d)
#define SPLAT_F NAME(nt_splat_f)
#define SPLAT_D NAME(nt_splat_d)

// SLEEF's vector functions (u10: at most 1 ulp, u15: 1.5 ulp): after DECLARE_SLEEF_1(exp, u10), SLEEF_F(exp, u10) is
// the one for VF and SLEEF_D(exp, u10) the one for VD. They are declared here because SLEEF's own header hides those of
// instruction sets that the compiler was not told to assume.
#define NT_SLEEF_NAME_(name, type, lanes, accuracy, set) Sleef_##name##type##lanes##_##accuracy##set
#define NT_SLEEF_NAME(name, type, lanes, accuracy, set) NT_SLEEF_NAME_(name, type, lanes, accuracy, set)
#define NT_SLEEF_F_SYMBOL(name, accuracy) NT_SLEEF_NAME(name, f, NT_SLEEF_F_LANES, accuracy, NT_SLEEF_SET)
#define NT_SLEEF_D_SYMBOL(name, accuracy) NT_SLEEF_NAME(name, d, NT_SLEEF_D_LANES, accuracy, NT_SLEEF_SET)

#if NT_VECTOR_BYTES == 16

#define SLEEF_F(name, accuracy) NT_SLEEF_F_SYMBOL(name, accuracy)
#define SLEEF_D(name, accuracy) NT_SLEEF_D_SYMBOL(name, accuracy)
#define DECLARE_SLEEF_1(name, accuracy) \
  VF SLEEF_F(name, accuracy)(VF);       \
  VD SLEEF_D(name, accuracy)(VD);
#define DECLARE_SLEEF_2(name, accuracy) \
  VF SLEEF_F(name, accuracy)(VF, VF);   \
  VD SLEEF_D(name, accuracy)(VD, VD);

#else

// Clang passes vectors wider than 16 bytes in memory wherever the compilation unit as a whole is not for AVX, whatever
// the functions' own targets are, but SLEEF wants them in registers. So they go by address to a function that loads the
// registers and jumps. Results are in registers always.
#define NT_TEXT_(x) #x
#define NT_TEXT(x) NT_TEXT_(x)
#define NT_LOAD_ARGUMENT(from, index) "vmovaps (%" from "), %" NT_TEXT(NT_REGISTER) index "\n\t"
#ifdef __ELF__
#define NT_JUMP(symbol) "jmp " NT_TEXT(symbol) "@PLT"
#else
#define NT_JUMP(symbol) "jmp " NT_TEXT(__USER_LABEL_PREFIX__) NT_TEXT(symbol)
#endif

#define SLEEF_F(name, accuracy) NAME(nt_##name##_##accuracy##_f)
#define SLEEF_D(name, accuracy) NAME(nt_##name##_##accuracy##_d)

#define NT_DEFINE_SLEEF_1(V, caller, jumper, symbol)                                                   \
  static __attribute__((naked, noinline)) V jumper(const V *x) {                                       \
    __asm__(NT_LOAD_ARGUMENT("rdi", "0") NT_JUMP(symbol));                                             \
  }                                                                                                    \
  static inline __attribute__((always_inline, unused)) V caller(V x) { return jumper(&x); }
#define NT_DEFINE_SLEEF_2(V, caller, jumper, symbol)                                                   \
  static __attribute__((naked, noinline)) V jumper(const V *x, const V *y) {                           \
    __asm__(NT_LOAD_ARGUMENT("rdi", "0") NT_LOAD_ARGUMENT("rsi", "1") NT_JUMP(symbol));                \
  }                                                                                                    \
  static inline __attribute__((always_inline, unused)) V caller(V x, V y) { return jumper(&x, &y); }

#define DECLARE_SLEEF_1(name, accuracy)                                                                \
  NT_DEFINE_SLEEF_1(                                                                                   \
    VF, SLEEF_F(name, accuracy), NAME(nt_jump_##name##_##accuracy##_f), NT_SLEEF_F_SYMBOL(name, accuracy)) \
  NT_DEFINE_SLEEF_1(                                                                                   \
    VD, SLEEF_D(name, accuracy), NAME(nt_jump_##name##_##accuracy##_d), NT_SLEEF_D_SYMBOL(name, accuracy))
#define DECLARE_SLEEF_2(name, accuracy)                                                                \
  NT_DEFINE_SLEEF_2(                                                                                   \
    VF, SLEEF_F(name, accuracy), NAME(nt_jump_##name##_##accuracy##_f), NT_SLEEF_F_SYMBOL(name, accuracy)) \
  NT_DEFINE_SLEEF_2(                                                                                   \
    VD, SLEEF_D(name, accuracy), NAME(nt_jump_##name##_##accuracy##_d), NT_SLEEF_D_SYMBOL(name, accuracy))

#endif
