// Runs the checks of the vector kernels with every instruction set of this processor in one process.
//
//   kernel_checks TESTS [--set NAME] [--only TEXT]
//
// TESTS is the folder Tests, in whose folders Fixtures the fixtures are. --set runs one instruction set, --only the checks whose names contain
// TEXT. Prints the failures and how many checks there were; the exit status is 1 when one failed.
#include "checks.h"

#include <glob.h>
#include <stdarg.h>

static const check *const families[] = {
  checksum_checks, convolution_checks, covariance_row_checks, dual_checks, elementary_checks, elementwise_checks, random_checks,
  reduction_checks, row_checks, series_checks, slice_checks, slice_layer_checks, window_checks,
};
enum { family_count = sizeof families / sizeof *families };

static const char *tests, *running;
static int failures_of_check;

void fail(const char *file, int line, const char *condition, const char *format, ...) {
  if (failures_of_check++ >= 5) return;
  const char *name = strrchr(file, '/');
  printf("  %s (%s:%d): expected %s; ", running, name ? name + 1 : file, line, condition);
  va_list arguments;
  va_start(arguments, format);
  vprintf(format, arguments);
  va_end(arguments);
  printf("\n");
}

const json *fixture(const char *name) {
  static struct {
    const char *name;
    json *value;
  } known[16];
  for (int i = 0; i < 16; i++) {
    if (known[i].name != NULL && strcmp(known[i].name, name) == 0) return known[i].value;
    if (known[i].name != NULL) continue;
    char pattern[4096];
    snprintf(pattern, sizeof pattern, "%s/*/Fixtures/%s.json", tests, name);
    glob_t found;
    int is_found = glob(pattern, 0, NULL, &found) == 0;
    known[i].name = name;
    known[i].value = json_read(is_found ? found.gl_pathv[0] : pattern);
    globfree(&found);
    return known[i].value;
  }
  abort();
}

static void **pieces;
static size_t piece_count, piece_capacity;

void *scratch(size_t bytes) {
  if (piece_count == piece_capacity) {
    piece_capacity = piece_capacity == 0 ? 64 : 2 * piece_capacity;
    pieces = realloc(pieces, piece_capacity * sizeof *pieces);
  }
  size_t size = (bytes + 63) / 64 * 64 + 64;
  void *memory = aligned_alloc(64, size);
  memset(memory, 0xff, size);
  return pieces[piece_count++] = memory;
}

static void free_scratch(void) {
  while (piece_count > 0) free(pieces[--piece_count]);
}

static uint64_t state;
void seed_numbers(uint64_t seed) { state = seed * 0x9E3779B97F4A7C15u + 0x12345678; }
uint64_t random_bits(void) {
  state += 0x9E3779B97F4A7C15u;
  uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}
double random_uniform(double low, double high) {
  return (float)(low + (high - low) * (double)(random_bits() >> 11) / 0x1p53);
}
long random_below(long bound) { return (long)(random_bits() % (uint64_t)bound); }

int main(int count, char **arguments) {
  const char *only_set = NULL, *only = NULL;
  for (int i = 2; i + 1 < count; i += 2) {
    if (strcmp(arguments[i], "--set") == 0) only_set = arguments[i + 1];
    else if (strcmp(arguments[i], "--only") == 0) only = arguments[i + 1];
    else count = 0;
  }
  if (count < 2 || count % 2 != 0) {
    fprintf(stderr, "usage: kernel_checks TESTS [--set NAME] [--only TEXT]\n");
    return 64;
  }
  tests = arguments[1];
  int failed = 0, sets = 0;
  for (int set = nt_baseline; set <= (int)nt_best_instruction_set(); set++) {
    const char *name = nt_instruction_set_name((nt_instruction_set)set);
    if (only_set != NULL && strcmp(only_set, name) != 0) continue;
    nt_select_instruction_set((nt_instruction_set)set);
    int checks = 0, failed_here = 0;
    for (int family = 0; family < family_count; family++)
      for (const check *c = families[family]; c->name != NULL; c++) {
        if (only != NULL && strstr(c->name, only) == NULL) continue;
        running = c->name;
        failures_of_check = 0;
        c->run();
        free_scratch();
        checks++;
        failed_here += failures_of_check > 0;
        if (failures_of_check > 0) printf("FAILED %s: %s, %d times\n", name, c->name, failures_of_check);
        fflush(stdout);
      }
    printf("%s: %d of %d checks of the vector kernels passed\n", name, checks - failed_here, checks);
    failed += failed_here;
    sets++;
  }
  if (sets == 0) fprintf(stderr, "kernel_checks: this processor has no %s\n", only_set);
  return failed > 0 || sets == 0;
}
