// Elements of any nt_dtype, seen as doubles.
#pragma once

#include "checks.h"

static inline size_t width_of(nt_dtype type) {
  return type == nt_float64 ? 8 : type == nt_bool ? 1 : 4;
}

static inline double element(nt_dtype type, const void *x, long i) {
  switch (type) {
    case nt_float32: return (double)((const float *)x)[i];
    case nt_float64: return ((const double *)x)[i];
    case nt_int32: return ((const int32_t *)x)[i];
    default: return ((const bool *)x)[i];
  }
}

static inline void set_element(nt_dtype type, void *x, long i, double value) {
  switch (type) {
    case nt_float32: ((float *)x)[i] = (float)value; break;
    case nt_float64: ((double *)x)[i] = value; break;
    case nt_int32: ((int32_t *)x)[i] = (int32_t)value; break;
    default: ((bool *)x)[i] = value != 0;
  }
}

static inline void *elements(nt_dtype type, const double *values, long count) {
  void *to = scratch((size_t)count * width_of(type) + 8);
  for (long i = 0; i < count; i++) set_element(type, to, i, values[i]);
  return to;
}

// Numbers that are exact in the type: small integers for int32, 0 and 1 for bool.
static inline void *random_elements(nt_dtype type, long count) {
  void *to = scratch((size_t)count * width_of(type) + 8);
  for (long i = 0; i < count; i++)
    set_element(type, to, i,
                type == nt_int32 ? (double)(random_below(19) - 9)
                : type == nt_bool ? (double)random_below(2)
                                  : random_uniform(-4, 4));
  return to;
}

static inline double ulp_of(nt_dtype type, double x) { return type == nt_float32 ? ulp_f32(x) : ulp_f64(x); }
static inline bool is_real(nt_dtype type) { return type == nt_float32 || type == nt_float64; }
static inline bool is_same(double a, double b) { return a == b || (isnan(a) && isnan(b)); }
