// Checks how BLAS is loaded and how its threads are shared: each in a process of its own, because BLAS is loaded once in
// the life of a process. Prints a line per check; the exit status is 1 when one fails.
//
//   blas_checks                          all checks
//   blas_checks --first CORE --then CORE  BLAS takes this processor for the first core, and is given the second: for
//                                         processors that an emulator makes up
#if !defined(__linux__)

#include <stdio.h>

int main(void) {
  printf("BLAS is not loaded here, but linked: nothing to check\n");
  return 0;
}

#else

#define _GNU_SOURCE

#include "CLinearAlgebra.h"

#include "../../Sources/CLinearAlgebra/blas_cores.h"

#include <dlfcn.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int failures;

#define EXPECT(condition, ...)                                          \
  if (!(condition)) {                                                   \
    failures++;                                                         \
    printf("  line %d: expected %s; ", __LINE__, #condition);           \
    printf(__VA_ARGS__);                                                \
    printf("\n");                                                       \
  }

static void check_products(void) {
  enum { m = 37, n = 29, k = 53 };
  static double a[m * k], b[k * n], c[m * n];
  static float af[m * k], bf[k * n], cf[m * n];
  for (int i = 0; i < m * k; i++) af[i] = a[i] = sin(0.37 * i + 0.1);
  for (int i = 0; i < k * n; i++) bf[i] = b[i] = cos(0.53 * i + 0.2);
  nt_dgemm(nt_row_major, nt_no_transpose, nt_no_transpose, m, n, k, 1, a, k, b, n, 0, c, n);
  nt_sgemm(nt_row_major, nt_no_transpose, nt_no_transpose, m, n, k, 1, af, k, bf, n, 0, cf, n);
  double worst = 0, worst_float = 0;
  for (int i = 0; i < m; i++)
    for (int j = 0; j < n; j++) {
      double sum = 0;
      for (int l = 0; l < k; l++) sum += a[i * k + l] * b[l * n + j];
      worst = fmax(worst, fabs(sum - c[i * n + j]));
      worst_float = fmax(worst_float, fabs(sum - cf[i * n + j]));
    }
  EXPECT(worst < 1e-13 && worst_float < 1e-4, "found errors of %g and %g", worst, worst_float);
  double matrix[4] = {4, 2, 2, 3};
  EXPECT(nt_dpotrf('U', 2, matrix) == 0 && fabs(matrix[0] - 2) < 1e-15, "found %g", matrix[0]);
}

// Whether the environment is the very one that it was before BLAS was loaded.
static void check_environment(char **before, const char *variable) {
  extern char **environ;
  EXPECT(environ == before, "found another list");
  const char *now = getenv("OPENBLAS_CORETYPE");
  EXPECT(variable ? now && strcmp(now, variable) == 0 : !now, "found %s", now ? now : "nothing");
}

static void detected(void) {
  extern char **environ;
  char **before = environ;
  nt_blas_core core = nt_get_blas_core();
  check_environment(before, NULL);
  EXPECT(!core.is_lesser && (core.origin == nt_core_detected || core.origin == nt_core_corrected), "found %s", core.name);
  EXPECT(nt_level_of_core(core.name) >= nt_this_processor().level, "found %s", core.name);
  check_products();
}

static void corrected(void) {
  extern char **environ;
  char **before = environ;
  nt_blas_pretend_core("Prescott");
  nt_blas_core core = nt_get_blas_core();
  check_environment(before, NULL);
  EXPECT(strcmp(core.first_name, "Prescott") == 0, "found %s", core.first_name);
  if (nt_this_processor().level > nt_core_sse) {
    EXPECT(core.origin == nt_core_corrected && !core.is_lesser, "found origin %d", core.origin);
    EXPECT(nt_level_of_core(core.name) == nt_this_processor().level, "found %s", core.name);
  }
  check_products();
}

static void obeyed(void) {
  extern char **environ;
  setenv("OPENBLAS_CORETYPE", "Prescott", 1);
  char **before = environ;
  nt_blas_core core = nt_get_blas_core();
  check_environment(before, "Prescott");
  EXPECT(core.origin == nt_core_asked && !core.is_lesser, "found origin %d", core.origin);
  EXPECT(strcmp(core.name, "Prescott") == 0, "found %s", core.name);
  check_products();
}

static void unknown_name(void) {
  setenv("OPENBLAS_CORETYPE", "Pentium", 1);
  nt_blas_core core = nt_get_blas_core();
  EXPECT(!core.is_lesser && nt_level_of_core(core.name) >= nt_this_processor().level, "found %s", core.name);
  check_products();
}

static void too_much(void) {
  if (nt_this_processor().level == nt_core_avx512) return;
  setenv("OPENBLAS_CORETYPE", "SkylakeX", 1);
  nt_blas_core core = nt_get_blas_core();
  EXPECT(nt_level_of_core(core.name) == nt_this_processor().level, "found %s", core.name);
  EXPECT(core.origin == nt_core_refused, "found origin %d", core.origin);
  check_products();
}

static void loaded_before(void) {
  setenv("OPENBLAS_CORETYPE", "Prescott", 1);
  void *theirs = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
  unsetenv("OPENBLAS_CORETYPE");
  if (theirs == NULL) return;
  nt_blas_core core = nt_get_blas_core();
  EXPECT(strcmp(core.name, "Prescott") == 0, "found %s", core.name);
  if (nt_this_processor().level > nt_core_sse)
    EXPECT(core.origin == nt_core_shared && core.is_lesser, "found origin %d", core.origin);
  check_products();
}

// Another thread sets a variable while BLAS is loaded: BLAS's variable is gone and theirs is there.
static atomic_int is_loading, may_end;
static void *set_variables(void *nothing) {
  while (!atomic_load(&is_loading)) {}
  for (int i = 0; !atomic_load(&may_end); i++) {
    char name[32];
    snprintf(name, sizeof name, "NT_%d", i % 100);
    setenv(name, "1", 1);
    usleep(1000);
  }
  return nothing;
}
static void variables_of_others(void) {
  pthread_t thread;
  pthread_create(&thread, NULL, set_variables, NULL);
  nt_blas_pretend_core("Prescott");
  atomic_store(&is_loading, 1);
  nt_get_blas_core();
  atomic_store(&may_end, 1);
  pthread_join(thread, NULL);
  EXPECT(getenv("OPENBLAS_CORETYPE") == NULL, "found %s", getenv("OPENBLAS_CORETYPE"));
  EXPECT(getenv("PATH") != NULL, "found nothing");
}

static void levels(void) {
  static const struct {
    nt_processor processor;
    const char *first;
  } cases[] = {
    {{nt_core_avx512, 1, 0}, "Cooperlake"}, {{nt_core_avx512, 0, 0}, "SkylakeX"}, {{nt_core_avx512, 1, 1}, "Cooperlake"},
    {{nt_core_avx2, 0, 0}, "Haswell"}, {{nt_core_avx2, 0, 1}, "Zen"}, {{nt_core_avx, 0, 0}, "Sandybridge"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    nt_core_names names = nt_cores_for(cases[i].processor);
    EXPECT(names.names[0] && strcmp(names.names[0], cases[i].first) == 0, "found %s", names.names[0]);
    for (int j = 0; names.names[j]; j++)
      EXPECT(nt_level_of_core(names.names[j]) == cases[i].processor.level, "found %s", names.names[j]);
  }
  EXPECT(nt_cores_for((nt_processor){nt_core_sse, 0, 0}).names[0] == NULL, "found one");
  EXPECT(nt_level_of_core("prescott") == nt_core_sse, "found another");
  EXPECT(nt_level_of_core("Graniterapids") == nt_core_avx512, "found another");
}

// MARK: - Threads

// Works inside BLAS with its own number of threads, and looks whether that stays so.
static atomic_int wrong_counts;
static void *work(void *argument) {
  int count = (int)(long)argument;
  enum { n = 96 };
  double *a = calloc(3 * n * n, sizeof(double)), *b = a + n * n, *c = b + n * n;
  for (int i = 0; i < n * n; i++) a[i] = b[i] = sin(i);
  for (int round = 0; round < 300; round++) {
    nt_blas_enter(count);
    if (nt_blas_threads() != count) atomic_fetch_add(&wrong_counts, 1);
    nt_dgemm(nt_row_major, nt_no_transpose, nt_transpose, n, n, n, 1, a, n, b, n, 0, c, n);
    nt_blas_enter(1);  // inside already: nothing happens
    if (nt_blas_threads() != count || !nt_blas_is_entered()) atomic_fetch_add(&wrong_counts, 1);
    nt_blas_leave();
    if (nt_blas_threads() != count) atomic_fetch_add(&wrong_counts, 1);
    nt_blas_leave();
  }
  free(a);
  return NULL;
}

static void callers_with_other_limits(void) {
  nt_blas_set_threads(3);
  pthread_t threads[5];
  int counts[] = {1, 2, 1, 4, 1};
  for (int i = 0; i < 5; i++) pthread_create(&threads[i], NULL, work, (void *)(long)counts[i]);
  for (int i = 0; i < 5; i++) pthread_join(threads[i], NULL);
  EXPECT(wrong_counts == 0, "found %d", wrong_counts);
  EXPECT(nt_blas_threads() == 3, "found %d", nt_blas_threads());
  EXPECT(!nt_blas_is_entered(), "found it entered");
}

// Two who want the same number are inside together.
static pthread_barrier_t meeting;
static void *meet(void *count) {
  nt_blas_enter((int)(long)count);
  pthread_barrier_wait(&meeting);
  nt_blas_leave();
  return NULL;
}
static void callers_with_the_same_limit(void) {
  pthread_barrier_init(&meeting, NULL, 2);
  pthread_t threads[2];
  for (int i = 0; i < 2; i++) pthread_create(&threads[i], NULL, meet, (void *)1L);
  for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
}

// A stream of calls with one thread does not keep out a call that wants two.
static atomic_int stop_stream;
static void *stream(void *nothing) {
  while (!atomic_load(&stop_stream)) {
    nt_blas_enter(1);
    usleep(200);
    nt_blas_leave();
  }
  return nothing;
}
static void nobody_is_kept_out(void) {
  pthread_t threads[3];
  for (int i = 0; i < 3; i++) pthread_create(&threads[i], NULL, stream, NULL);
  for (int i = 0; i < 20; i++) {
    nt_blas_enter(2);
    EXPECT(nt_blas_threads() == 2, "found %d", nt_blas_threads());
    nt_blas_leave();
  }
  atomic_store(&stop_stream, 1);
  for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
}

// A number that the owner of the process sets while somebody is inside stays.
static void number_of_the_owner(void) {
  nt_blas_set_threads(2);
  nt_blas_enter(1);
  nt_blas_set_threads(4);
  nt_blas_leave();
  EXPECT(nt_blas_threads() == 4, "found %d", nt_blas_threads());
  nt_blas_enter(1000000);
  nt_blas_leave();
  EXPECT(nt_blas_threads() == 4, "found %d", nt_blas_threads());
}

// MARK: - Running

// Runs a check in a process of its own. What it writes to standard error must contain `warning`, or be nothing.
static void run(const char *name, void (*check)(void), const char *warning) {
  int errors[2];
  if (pipe(errors) != 0) exit(2);
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    dup2(errors[1], STDERR_FILENO);
    close(errors[0]);
    alarm(120);
    failures = 0;
    check();
    fflush(stdout);
    _exit(failures > 0);
  }
  close(errors[1]);
  char text[4096] = "";
  size_t length = 0;
  for (ssize_t got; length < sizeof text - 1 && (got = read(errors[0], text + length, sizeof text - 1 - length)) > 0;)
    length += (size_t)got;
  close(errors[0]);
  int status = 0;
  waitpid(child, &status, 0);
  int fails = !WIFEXITED(status) || WEXITSTATUS(status) != 0;
  if (fails) printf("  exit status or signal %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
  if (warning ? strstr(text, warning) == NULL : length > 0) {
    printf("  on standard error: expected %s, found \"%s\"\n", warning ? warning : "nothing", text);
    fails = 1;
  }
  printf("%s %s\n", fails ? "FAILED" : "passed", name);
  failures += fails;
}

int main(int count, char **arguments) {
  unsetenv("OPENBLAS_CORETYPE");
  if (count == 5 && strcmp(arguments[1], "--first") == 0 && strcmp(arguments[3], "--then") == 0) {
    nt_blas_core core = nt_get_blas_core();
    EXPECT(strcmp(core.first_name, arguments[2]) == 0, "found %s", core.first_name);
    EXPECT(strcmp(core.name, arguments[4]) == 0, "found %s", core.name);
    check_products();
    printf("%s a made up processor is taken for a %s and given a %s\n", failures ? "FAILED" : "passed", core.first_name,
           core.name);
    return failures > 0;
  }
  int warns = nt_this_processor().level < nt_core_avx512;
  run("the right core is known for every processor", levels, NULL);
  run("BLAS runs the right core", detected, NULL);
  run("a processor that BLAS takes for an old one gets the right core", corrected, NULL);
  run("OPENBLAS_CORETYPE is obeyed", obeyed, NULL);
  run("an unknown OPENBLAS_CORETYPE is said", unknown_name, "expected a core that OpenBLAS knows, found \"Pentium\"");
  run("an OPENBLAS_CORETYPE beyond the processor is said and not run", too_much,
      warns ? "cannot run \"SkylakeX\"" : NULL);
  run("BLAS that was loaded before stays as it is", loaded_before, NULL);
  run("variables that others set while BLAS is loaded harm nobody", variables_of_others, NULL);
  run("callers with other limits do not change each other's threads", callers_with_other_limits, NULL);
  run("callers with the same limit work at the same time", callers_with_the_same_limit, NULL);
  run("a stream of calls keeps out nobody", nobody_is_kept_out, NULL);
  run("the number of threads that the process chose stays", number_of_the_owner, NULL);
  return failures > 0;
}

#endif
