#include "nt_random.h"

#include <math.h>
#include <string.h>

// Every multiplication and addition that is to be rounded once says so; the compiler must fuse no others, or machines
// would differ.
#pragma STDC FP_CONTRACT OFF

#define NT_THREEFRY_PARITY 0x1BD11BDAu

static inline __attribute__((always_inline)) uint32_t nt_rotate(uint32_t x, int by) {
  return (x << by) | (x >> (32 - by));
}

void nt_threefry_2x32(uint32_t key0, uint32_t key1, uint32_t *x0, uint32_t *x1) {
  static const int rotations[2][4] = {{13, 15, 26, 6}, {17, 29, 16, 24}};
  const uint32_t key[3] = {key0, key1, key0 ^ key1 ^ NT_THREEFRY_PARITY};
  uint32_t a = *x0 + key[0], b = *x1 + key[1];
  for (uint32_t group = 0; group < 5; group++) {
    for (int round = 0; round < 4; round++) {
      a += b;
      b = nt_rotate(b, rotations[group % 2][round]) ^ a;
    }
    a += key[(group + 1) % 3];
    b += key[(group + 2) % 3] + group + 1;
  }
  *x0 = a;
  *x1 = b;
}

// Pairs computed at a time: their words stay in the first-level cache.
#define NT_RANDOM_BLOCK 256

static inline size_t nt_smaller(size_t a, size_t b) { return a < b ? a : b; }

// Numbers of a block that starts at pair `start`: in the first half of the draw, and in the second.
static inline size_t nt_in_first_half(size_t start, size_t last) { return nt_smaller(NT_RANDOM_BLOCK, last - start); }
static inline size_t nt_in_second_half(size_t start, size_t last, size_t half, size_t count) {
  size_t in_first = nt_in_first_half(start, last), left = count - nt_smaller(count, half + start);
  return nt_smaller(in_first, left);
}

// Cephes' bound for the rational approximation of log1p.
#define NT_LOG1P_SMALL 0.41421356237309503

// log(1 - u^2) of a block, where the rational approximation does not serve; of no use elsewhere. The C library's
// logarithm, because JAX calls it too: no vector logarithm rounds like it.
static void nt_random_logs(const double *u, double *logs) {
  int wanted[NT_RANDOM_BLOCK], count = 0;
  // Which numbers need it is random: collecting them first spares a mispredicted branch for every other one.
  for (int i = 0; i < NT_RANDOM_BLOCK; i++) {
    logs[i] = u[i] * -u[i];
    wanted[count] = i;
    count += logs[i] <= -NT_LOG1P_SMALL;
  }
  for (int i = 0; i < count; i++) logs[wanted[i]] = log(logs[wanted[i]] + 1.0);
}

#define NT_BODY "random_body.h"
#include "every_instruction_set.h"

void nt_random_words32(uint32_t key0, uint32_t key1, size_t count, size_t first, size_t last, uint32_t *out) {
  NT_DISPATCH(nt_random_words32)(key0, key1, count, first, last, out);
}
void nt_random_words64(uint32_t key0, uint32_t key1, size_t count, size_t first, size_t last, uint64_t *out) {
  NT_DISPATCH(nt_random_words64)(key0, key1, count, first, last, out);
}
void nt_random_uniform_f(uint32_t key0, uint32_t key1, size_t count, size_t first, size_t last, float minimum,
                         float maximum, float *out) {
  NT_DISPATCH(nt_random_uniform_f)(key0, key1, count, first, last, minimum, maximum, out);
}
void nt_random_uniform_d(uint32_t key0, uint32_t key1, size_t count, size_t first, size_t last, double minimum,
                         double maximum, double *out) {
  NT_DISPATCH(nt_random_uniform_d)(key0, key1, count, first, last, minimum, maximum, out);
}
void nt_random_normal_f(uint32_t key0, uint32_t key1, size_t count, size_t first, size_t last, float *out) {
  NT_DISPATCH(nt_random_normal_f)(key0, key1, count, first, last, out);
}
void nt_random_normal_d(uint32_t key0, uint32_t key1, size_t count, size_t first, size_t last, double *out) {
  NT_DISPATCH(nt_random_normal_d)(key0, key1, count, first, last, out);
}
