// CRC-32C three ways: by tables anywhere, by the processor's instruction on x86-64 with SSE4.2 and on arm64.
//
// The instruction takes three cycles and one can begin in every cycle, so three streams run side by side. A checksum is
// linear over bits: that of A followed by B is that of A followed by as many zeros as B has bytes, plus (exclusive or) that
// of B from nothing. Appending a fixed number of zeros is a matrix over 32 bits, here four tables of 256 entries.
#include "nt_checksum.h"

#include <pthread.h>
#include <string.h>

#include "nt_instruction_set.h"

#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

#define NT_CRC32C_POLYNOMIAL 0x82F63B78u
// Bytes of one of three streams: 24 KiB of all of them stay in the first-level cache.
#define NT_CRC32C_STREAM 8192

// bytes[k][b]: the register after byte b and k zeros.
static uint32_t bytes_table[8][256];
// zeros[k][b]: byte k of a register, b, after NT_CRC32C_STREAM zeros.
static uint32_t zeros_table[4][256];
static pthread_once_t tables_once = PTHREAD_ONCE_INIT;

static void nt_make_tables(void) {
  for (uint32_t b = 0; b < 256; b++) {
    uint32_t crc = b;
    for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (NT_CRC32C_POLYNOMIAL & (0u - (crc & 1)));
    bytes_table[0][b] = crc;
  }
  for (int k = 1; k < 8; k++)
    for (int b = 0; b < 256; b++)
      bytes_table[k][b] = (bytes_table[k - 1][b] >> 8) ^ bytes_table[0][bytes_table[k - 1][b] & 0xff];
  uint32_t columns[32];
  for (int bit = 0; bit < 32; bit++) {
    uint32_t crc = 1u << bit;
    for (int i = 0; i < NT_CRC32C_STREAM; i++) crc = (crc >> 8) ^ bytes_table[0][crc & 0xff];
    columns[bit] = crc;
  }
  for (int k = 0; k < 4; k++)
    for (uint32_t b = 0; b < 256; b++) {
      uint32_t sum = 0;
      for (int bit = 0; bit < 8; bit++)
        if (b >> bit & 1) sum ^= columns[8 * k + bit];
      zeros_table[k][b] = sum;
    }
}

static inline uint64_t nt_load_word(const unsigned char *p) {
  uint64_t word;
  memcpy(&word, p, sizeof word);
  return word;
}

// Eight bytes at a time, low byte first.
static uint32_t nt_crc32c_tables(uint32_t crc, const unsigned char *p, size_t count) {
  for (; count >= 8; p += 8, count -= 8) {
    uint64_t word = nt_load_word(p) ^ crc;
    crc = 0;
    for (int k = 0; k < 8; k++) crc ^= bytes_table[7 - k][word >> (8 * k) & 0xff];
  }
  for (; count > 0; p++, count--) crc = (crc >> 8) ^ bytes_table[0][(crc ^ *p) & 0xff];
  return crc;
}

#if defined(__x86_64__)
#define NT_HAS_CRC_INSTRUCTION 1
#define NT_CRC_TARGET __attribute__((target("sse4.2")))
#define NT_CRC_WORD(crc, word) ((uint32_t)__builtin_ia32_crc32di((crc), (word)))
#define NT_CRC_BYTE(crc, byte) __builtin_ia32_crc32qi((crc), (byte))
// Every processor with AVX2 has SSE4.2.
static int nt_has_crc_instruction(void) { return nt_selected_instruction_set() >= nt_avx2; }
#elif defined(__aarch64__)
#define NT_HAS_CRC_INSTRUCTION 1
#define NT_CRC_TARGET __attribute__((target("crc")))
#define NT_CRC_WORD(crc, word) __builtin_arm_crc32cd((crc), (word))
#define NT_CRC_BYTE(crc, byte) __builtin_arm_crc32cb((crc), (byte))
static int nt_has_crc_instruction(void) {
#if defined(__linux__)
  return (getauxval(AT_HWCAP) >> 7 & 1) != 0;  // HWCAP_CRC32
#else
  return 1;
#endif
}
#else
#define NT_HAS_CRC_INSTRUCTION 0
#endif

#if NT_HAS_CRC_INSTRUCTION

static inline uint32_t nt_append_zeros(uint32_t crc) {
  return zeros_table[0][crc & 0xff] ^ zeros_table[1][crc >> 8 & 0xff] ^ zeros_table[2][crc >> 16 & 0xff] ^
         zeros_table[3][crc >> 24];
}

NT_CRC_TARGET static uint32_t nt_crc32c_streams(uint32_t crc, const unsigned char *p, size_t count) {
  for (; count >= 3 * NT_CRC32C_STREAM; p += 3 * NT_CRC32C_STREAM, count -= 3 * NT_CRC32C_STREAM) {
    uint32_t a = crc, b = 0, c = 0;
    for (size_t i = 0; i < NT_CRC32C_STREAM; i += 8) {
      a = NT_CRC_WORD(a, nt_load_word(p + i));
      b = NT_CRC_WORD(b, nt_load_word(p + NT_CRC32C_STREAM + i));
      c = NT_CRC_WORD(c, nt_load_word(p + 2 * NT_CRC32C_STREAM + i));
    }
    crc = nt_append_zeros(nt_append_zeros(a) ^ b) ^ c;
  }
  for (; count >= 8; p += 8, count -= 8) crc = NT_CRC_WORD(crc, nt_load_word(p));
  for (; count > 0; p++, count--) crc = NT_CRC_BYTE(crc, *p);
  return crc;
}

#endif

uint32_t nt_crc32c(uint32_t before, const void *bytes, size_t count) {
  pthread_once(&tables_once, nt_make_tables);
#if NT_HAS_CRC_INSTRUCTION
  if (nt_has_crc_instruction()) return ~nt_crc32c_streams(~before, bytes, count);
#endif
  return ~nt_crc32c_tables(~before, bytes, count);
}
