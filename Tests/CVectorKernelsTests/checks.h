// What the checks of the vector kernels share. A check is a function without arguments that calls EXPECT; a file of checks
// lists its own in an array that ends with a check without name, and main.c lists the arrays.
#pragma once

#include "CVectorKernels.h"
#include "json.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef M_PI
#define M_PI 3.14159265358979323846
#endif

typedef struct check {
  const char *name;
  void (*run)(void);
} check;

extern const check checksum_checks[], convolution_checks[], covariance_row_checks[], dual_checks[], elementary_checks[], elementwise_checks[],
  random_checks[], reduction_checks[], row_checks[], series_checks[], slice_checks[], slice_layer_checks[], window_checks[];

// Counts a failure of the running check and prints the first few.
void fail(const char *file, int line, const char *condition, const char *format, ...)
  __attribute__((format(printf, 4, 5)));
#define EXPECT(condition, ...) \
  if (!(condition)) fail(__FILE__, __LINE__, #condition, __VA_ARGS__)

// Reads a fixture of a folder Tests/*/Fixtures; it lives as long as the program.
const json *fixture(const char *name);

// Memory that begins on a 64-byte boundary and is freed when the check is over. Its bytes are those of NaN, so that what
// is read before it is written is seen.
void *scratch(size_t bytes);
#define SCRATCH(type, count) ((type *)scratch(sizeof(type) * (size_t)(count)))

// The numbers of TestNumbers in Swift: the same seed, the same tests.
void seed_numbers(uint64_t seed);
uint64_t random_bits(void);
// In (low, high), with few enough digits to be a float.
double random_uniform(double low, double high);
long random_below(long bound);

static inline long larger(long a, long b) { return a > b ? a : b; }
static inline long smaller(long a, long b) { return a < b ? a : b; }
// The distance of the floating-point numbers of a type around x, at least the smallest number.
static inline double ulp_f64(double x) { return nextafter(fabs(x), INFINITY) - fabs(x); }
static inline double ulp_f32(double x) {
  float rounded = fabsf((float)x);
  return (double)nextafterf(rounded, INFINITY) - (double)rounded;
}
