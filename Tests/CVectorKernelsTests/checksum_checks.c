// CRC-32C against the definition, bit by bit.
#include "checks.h"

static uint32_t definition(const unsigned char *p, size_t count) {
  uint32_t crc = 0xffffffffu;
  for (size_t i = 0; i < count; i++) {
    crc ^= p[i];
    for (int bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >> 1) ^ 0x82F63B78u : crc >> 1;
  }
  return ~crc;
}

static void check_value(void) {
  uint32_t found = nt_crc32c(0, "123456789", 9);
  EXPECT(found == 0xe3069283u, "found %08x", found);
  EXPECT(nt_crc32c(0, "", 0) == 0, "found another checksum of nothing");
}

static void lengths(void) {
  unsigned char *bytes = SCRATCH(unsigned char, 80000);
  seed_numbers(1);
  for (int i = 0; i < 80000; i++) bytes[i] = (unsigned char)random_bits();
  for (size_t count = 0; count < 300; count++)
    for (size_t start = 0; start < 9; start++) {
      uint32_t want = definition(bytes + start, count), found = nt_crc32c(0, bytes + start, count);
      EXPECT(found == want, "found %08x for %08x of %zu bytes from %zu", found, want, count, start);
    }
  // Around the lengths of the streams.
  for (long offset = -9; offset <= 9; offset++)
    for (long streams = 1; streams <= 9; streams += 2) {
      size_t count = (size_t)(8192 * streams + offset);
      uint32_t want = definition(bytes + 3, count), found = nt_crc32c(0, bytes + 3, count);
      EXPECT(found == want, "found %08x for %08x of %zu bytes", found, want, count);
    }
}

// A checksum goes on where another ends.
static void parts(void) {
  unsigned char *bytes = SCRATCH(unsigned char, 60000);
  seed_numbers(2);
  for (int i = 0; i < 60000; i++) bytes[i] = (unsigned char)random_bits();
  uint32_t whole = nt_crc32c(0, bytes, 60000);
  for (int round = 0; round < 50; round++) {
    size_t cut = (size_t)random_below(60001);
    uint32_t found = nt_crc32c(nt_crc32c(0, bytes, cut), bytes + cut, 60000 - cut);
    EXPECT(found == whole, "found %08x for %08x, cut at %zu", found, whole, cut);
  }
}

static void flipped_bits(void) {
  unsigned char *bytes = SCRATCH(unsigned char, 30000);
  seed_numbers(3);
  for (int i = 0; i < 30000; i++) bytes[i] = (unsigned char)random_bits();
  uint32_t whole = nt_crc32c(0, bytes, 30000);
  for (int round = 0; round < 200; round++) {
    long bit = random_below(8 * 30000);
    bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
    EXPECT(nt_crc32c(0, bytes, 30000) != whole, "found the same checksum with bit %ld flipped", bit);
    bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
  }
}

const check checksum_checks[] = {
  {"the checksum of 123456789 is the published one", check_value},
  {"checksums of all lengths and alignments are those of the definition", lengths},
  {"a checksum goes on where another ends", parts},
  {"a flipped bit changes the checksum", flipped_bits},
  {NULL, NULL},
};
