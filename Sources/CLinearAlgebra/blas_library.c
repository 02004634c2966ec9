#if !defined(__APPLE__)

// For dlopen's and environ's declarations with any version of the C library.
#define _GNU_SOURCE

#include "blas_library.h"

#include "CLinearAlgebra.h"
#include "blas_cores.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define NT_CORE_VARIABLE "OPENBLAS_CORETYPE"

// Debian and its relatives have the first; on Fedora the library of that name uses one thread, and the threaded one has
// a name of its own.
static const char *const library_names[] = {"libopenblasp.so.0", "libopenblas.so.0", "libopenblas.so"};
enum { name_count = sizeof library_names / sizeof *library_names };

static nt_blas_library library;
static _Atomic(const nt_blas_library *) loaded;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static nt_blas_core core;
static char core_name[64], first_core_name[64];
static const char *pretended_core;

// MARK: - One loading

static int resolve(void *handle) {
  int missing = 0;
#define NT_FIND(field, symbol)                                   \
  {                                                              \
    void *found = dlsym(handle, symbol);                         \
    missing += found == NULL;                                    \
    memcpy(&library.field, &found, sizeof found);                \
  }
#define NT_TEXT_(x) #x
#define NT_TEXT(x) NT_TEXT_(x)
#define NT_ROUTINE(symbol, parameters) NT_FIND(symbol, NT_TEXT(symbol))
#include "blas_routines_of_both_types.h"
  NT_FIND(set_threads, "openblas_set_num_threads")
  NT_FIND(get_threads, "openblas_get_num_threads")
  NT_FIND(get_config, "openblas_get_config")
  NT_FIND(get_core, "openblas_get_corename")
  return missing == 0;
}

// The library and its routines; NULL when there is none that has them all.
static void *open_library(int flags) {
  for (int i = 0; i < name_count; i++) {
    void *handle = dlopen(library_names[i], RTLD_NOW | RTLD_LOCAL | flags);
    if (handle == NULL) continue;
    if (resolve(handle)) return handle;
    dlclose(handle);
  }
  return NULL;
}

// Opens the library with NT_CORE_VARIABLE set to `name`. setenv would move or change the list of variables under the feet
// of threads that read it; so they get a new list to read, and the old one back. A list is never freed, because a thread
// may still be reading it: a few kilobytes, once or twice in the life of a process.
static void *open_library_as(const char *name) {
  char **before = environ;
  size_t count = 0;
  while (before != NULL && before[count] != NULL) count++;
  char **changed = malloc((count + 2) * sizeof *changed);
  size_t length = sizeof NT_CORE_VARIABLE + 1 + strlen(name);
  char *setting = malloc(length);
  if (changed == NULL || setting == NULL) {
    free(changed);
    free(setting);
    return NULL;
  }
  snprintf(setting, length, NT_CORE_VARIABLE "=%s", name);
  size_t kept = 0;
  changed[kept++] = setting;
  for (size_t i = 0; i < count; i++)
    if (strncmp(before[i], NT_CORE_VARIABLE "=", sizeof NT_CORE_VARIABLE) != 0) changed[kept++] = before[i];
  changed[kept] = NULL;
  const char *found = getenv(NT_CORE_VARIABLE);
  char *was = found != NULL ? strdup(found) : NULL;
  environ = changed;
  void *handle = open_library(0);
  if (environ == changed) {
    environ = before;
  } else if (was != NULL) {
    // Somebody set another variable meanwhile, in a copy of our list.
    setenv(NT_CORE_VARIABLE, was, 1);
  } else {
    unsetenv(NT_CORE_VARIABLE);
  }
  free(was);
  return handle;
}

// MARK: - The right core

static void remember(char *to, const char *name) { snprintf(to, sizeof core_name, "%s", name); }

static void *open_again(void *handle, const char *name) {
  dlclose(handle);
  handle = open_library_as(name);
  return handle != NULL ? handle : open_library(0);
}

// The library with the right core; NULL when it could not be loaded again.
static void *choose_core(void *handle, const char *asked) {
  nt_processor processor = nt_this_processor();
  nt_core_level level = nt_level_of_core(core_name);
  int is_asked = asked != NULL && strcasecmp(asked, core_name) == 0;
  if (asked != NULL && !is_asked)
    fprintf(
      stderr, "warning: " NT_CORE_VARIABLE ": expected a core that OpenBLAS knows, found \"%s\"; it runs %s\n", asked,
      core_name);
  if (is_asked && level <= processor.level) {
    core.origin = nt_core_asked;
    return handle;
  }
  // A core that is too much for the processor is one that somebody asked for: OpenBLAS itself looks at the features.
  if (level == processor.level || (level > processor.level && !is_asked)) return handle;
  nt_core_names right = nt_cores_for(processor);
  for (int i = 0; right.names[i] != NULL; i++) {
    handle = open_again(handle, right.names[i]);
    if (handle == NULL) return NULL;
    remember(core_name, library.get_core());
    if (nt_level_of_core(core_name) == processor.level) {
      core.origin = is_asked ? nt_core_refused : nt_core_corrected;
      break;
    }
  }
  if (is_asked)
    fprintf(
      stderr, "warning: " NT_CORE_VARIABLE ": this processor cannot run \"%s\"; OpenBLAS runs %s\n", asked, core_name);
  return handle;
}

static void load(void) {
  const char *variable = getenv(NT_CORE_VARIABLE);
  char asked[sizeof core_name] = "";
  if (variable != NULL) remember(asked, variable);
  // Somebody else's OpenBLAS stays as it is: its memory and threads are in use.
  void *handle = open_library(RTLD_NOLOAD);
  int is_shared = handle != NULL;
  if (handle == NULL) handle = pretended_core != NULL ? open_library_as(pretended_core) : open_library(0);
  if (handle == NULL) return;
  core.name = core_name;
  core.first_name = first_core_name;
  core.origin = nt_core_detected;
  remember(core_name, library.get_core());
  remember(first_core_name, core_name);
  if (!is_shared) {
    if (choose_core(handle, asked[0] != '\0' ? asked : NULL) == NULL) return;
  } else if (asked[0] != '\0' && strcasecmp(asked, core_name) == 0) {
    core.origin = nt_core_asked;
  }
  nt_core_level level = nt_level_of_core(core_name);
  core.is_lesser = core.origin != nt_core_asked && level < nt_this_processor().level;
  if (core.is_lesser) core.origin = is_shared ? nt_core_shared : nt_core_unchangeable;
  atomic_store_explicit(&loaded, &library, memory_order_release);
}

// The library; NULL where there is none.
static const nt_blas_library *find_library(void) {
  const nt_blas_library *known = atomic_load_explicit(&loaded, memory_order_acquire);
  if (known != NULL) return known;
  pthread_once(&once, load);
  return atomic_load_explicit(&loaded, memory_order_acquire);
}

const nt_blas_library *nt_get_blas_library(void) {
  const nt_blas_library *known = find_library();
  if (known != NULL) return known;
  fprintf(
    stderr, "error: OpenBLAS is needed and none of %s, %s, %s can be loaded (Debian: apt-get install libopenblas0)\n",
    library_names[0], library_names[1], library_names[2]);
  abort();
}

int nt_blas_is_there(void) { return find_library() != NULL; }

nt_blas_core nt_get_blas_core(void) {
  nt_get_blas_library();
  return core;
}

void nt_blas_pretend_core(const char *name) { pretended_core = name; }

const char *nt_blas_description(void) { return NT_CALL(get_config)(); }

#else

#include "CLinearAlgebra.h"

int nt_blas_is_there(void) { return 1; }
nt_blas_core nt_get_blas_core(void) { return (nt_blas_core){"", "", nt_core_detected, 0}; }
void nt_blas_pretend_core(const char *name) { (void)name; }
const char *nt_blas_description(void) { return "Accelerate"; }

#endif
