// Draws against those of JAX: the checks of RandomTests.swift for what the kernels do.
#include "checks.h"

static uint32_t key_word(const json *entry, int index) {
  return (uint32_t)strtoul(json_get(entry, "key")->items[index].text, NULL, 10);
}

static const char *op(const json *entry) { return json_get(entry, "op")->text; }

#define FOR_ENTRIES(entry, name)                                                                             \
  for (const json *entry = json_get(fixture("random"), "entries")->items,                                    \
                  *end = entry + json_get(fixture("random"), "entries")->count;                              \
       entry < end; entry++)                                                                                 \
    if (strcmp(op(entry), name) == 0)

static long count_of(const json *entry) {
  const json *shape = json_get(entry, "shape");
  long count = 1;
  for (long i = 0; i < shape->count; i++) count *= (long)shape->items[i].number;
  return count;
}

static void words(void) {
  int found = 0;
  FOR_ENTRIES(entry, "bits") {
    int width = (int)json_get(entry, "width")->number;
    const json *values = json_get(entry, "values");
    size_t count = (size_t)count_of(entry);
    if (width != 32 && width != 64) continue;
    found++;
    uint32_t *narrow = SCRATCH(uint32_t, count + 1);
    uint64_t *wide = SCRATCH(uint64_t, count + 1);
    if (width == 32) nt_random_words32(key_word(entry, 0), key_word(entry, 1), count, 0, (count + 1) / 2, narrow);
    else nt_random_words64(key_word(entry, 0), key_word(entry, 1), count, 0, count, wide);
    for (size_t i = 0; i < count; i++) {
      uint64_t want = strtoull(values->items[i].text, NULL, 10), got = width == 32 ? narrow[i] : wide[i];
      EXPECT(got == want, "found %llu for %llu", (unsigned long long)got, (unsigned long long)want);
    }
  }
  EXPECT(found > 10, "found %d draws", found);
}

// Any split of the pairs over threads gives the same draw.
static void splits(void) {
  for (size_t count = 0; count < 200; count += count < 70 ? 1 : 13) {
    size_t half = (count + 1) / 2;
    uint32_t *whole = SCRATCH(uint32_t, count + 1), *parts = SCRATCH(uint32_t, count + 1);
    float *normal = SCRATCH(float, count + 1), *normal_parts = SCRATCH(float, count + 1);
    double *wide = SCRATCH(double, count + 1), *wide_parts = SCRATCH(double, count + 1);
    nt_random_words32(7, 9, count, 0, half, whole);
    nt_random_normal_f(7, 9, count, 0, half, normal);
    nt_random_uniform_d(7, 9, count, 0, count, -1, 3, wide);
    seed_numbers(count);
    for (size_t first = 0; first < half;) {
      size_t last = first + 1 + (size_t)random_below((long)(half - first));
      nt_random_words32(7, 9, count, first, last, parts);
      nt_random_normal_f(7, 9, count, first, last, normal_parts);
      first = last;
    }
    for (size_t first = 0; first < count;) {
      size_t last = first + 1 + (size_t)random_below((long)(count - first));
      nt_random_uniform_d(7, 9, count, first, last, -1, 3, wide_parts);
      first = last;
    }
    EXPECT(memcmp(whole, parts, count * 4) == 0, "found other words of %zu", count);
    EXPECT(memcmp(normal, normal_parts, count * 4) == 0, "found other normal numbers of %zu", count);
    EXPECT(memcmp(wide, wide_parts, count * 8) == 0, "found other uniform numbers of %zu", count);
  }
}

// One block, one draw.
static void blocks(void) {
  uint32_t x0 = 0, x1 = 1, out[2];
  nt_threefry_2x32(3, 4, &x0, &x1);
  nt_random_words32(3, 4, 2, 0, 1, out);
  EXPECT(out[0] == x0 && out[1] == x1, "found %u and %u", out[0], out[1]);
}

static void uniform(void) {
  FOR_ENTRIES(entry, "uniform") {
    int is_float = strcmp(json_get(entry, "dtype")->text, "float32") == 0;
    const json *values = json_get(entry, "values");
    size_t count = (size_t)count_of(entry);
    double low = json_get(entry, "minimum")->number, high = json_get(entry, "maximum")->number;
    float *narrow = SCRATCH(float, count + 1);
    double *wide = SCRATCH(double, count + 1);
    uint32_t key0 = key_word(entry, 0), key1 = key_word(entry, 1);
    if (is_float) nt_random_uniform_f(key0, key1, count, 0, (count + 1) / 2, (float)low, (float)high, narrow);
    else nt_random_uniform_d(key0, key1, count, 0, count, low, high, wide);
    for (size_t i = 0; i < count; i++) {
      double want = values->items[i].number, got = is_float ? narrow[i] : wide[i];
      EXPECT(got == want, "found %.17g for %.17g", got, want);
    }
  }
}

static void normal(void) {
  FOR_ENTRIES(entry, "normal") {
    int is_float = strcmp(json_get(entry, "dtype")->text, "float32") == 0;
    const json *values = json_get(entry, "values");
    size_t count = (size_t)count_of(entry);
    float *narrow = SCRATCH(float, count + 1);
    double *wide = SCRATCH(double, count + 1);
    uint32_t key0 = key_word(entry, 0), key1 = key_word(entry, 1);
    if (is_float) nt_random_normal_f(key0, key1, count, 0, (count + 1) / 2, narrow);
    else nt_random_normal_d(key0, key1, count, 0, count, wide);
    for (size_t i = 0; i < count; i++) {
      double want = values->items[i].number, got = is_float ? narrow[i] : wide[i];
      // The last bit of a float64 depends on the logarithm of the C library.
      EXPECT(is_float ? got == want : fabs(got - want) <= 2 * ulp_f64(want), "found %.17g for %.17g", got, want);
    }
  }
}

const check random_checks[] = {
  {"words are those of JAX", words},
  {"any split of a draw gives the same numbers", splits},
  {"a draw is made of Threefry's blocks", blocks},
  {"uniform numbers are bitwise those of JAX", uniform},
  {"normal numbers are those of JAX to rounding", normal},
  {NULL, NULL},
};
