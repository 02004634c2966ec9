// Random words and draws from Threefry-2x32 with 20 rounds, the same on every machine and instruction set.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// One Threefry-2x32 block: encrypts the counter words in place.
void nt_threefry_2x32(uint32_t key0, uint32_t key1, uint32_t *x0, uint32_t *x1);

// The fillers below write part of a draw of `count` numbers. A draw is made of pairs: pair i encrypts the counter
// (i, half + i). Thirty-two-bit draws have half = (count + 1) / 2 pairs, and pair i gives numbers i and half + i;
// sixty-four-bit draws have half = count pairs, and pair i gives number i. Only pairs first ..< last are computed, and
// each number is written at its own place in `out`: any split of the pairs over threads gives the same draw.
// A draw takes fewer than 2^32 words, so that a counter word can number them.

void nt_random_words32(uint32_t key0, uint32_t key1, size_t count, size_t first, size_t last, uint32_t *out);
void nt_random_words64(uint32_t key0, uint32_t key1, size_t count, size_t first, size_t last, uint64_t *out);

// Uniform on [minimum, maximum).
void nt_random_uniform_f(uint32_t key0, uint32_t key1, size_t count, size_t first, size_t last, float minimum,
                         float maximum, float *out);
void nt_random_uniform_d(uint32_t key0, uint32_t key1, size_t count, size_t first, size_t last, double minimum,
                         double maximum, double *out);

// Standard normal.
void nt_random_normal_f(uint32_t key0, uint32_t key1, size_t count, size_t first, size_t last, float *out);
void nt_random_normal_d(uint32_t key0, uint32_t key1, size_t count, size_t first, size_t last, double *out);

#ifdef __cplusplus
}
#endif
