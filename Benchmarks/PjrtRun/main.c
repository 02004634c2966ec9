// Compiles prepared modules for a device that need not be there, or runs them on one that is, where there is no Swift.
//
//   pjrt-run compile PLUGIN TARGET MODULE...
//       for each module its seconds of compilation and its bytes of arguments, results and temporaries; TARGET is the text
//       that describes the card to XLA
//   pjrt-run run PLUGIN PLATFORM REPORT CASE...
//       for each case, a folder with module.mlir and case.txt, whether its results are those that were written beforehand,
//       and the milliseconds of a call; every case adds a line to REPORT before the next begins
//   pjrt-run memory PLUGIN PLATFORM REPORT
//       buffers of ever more bytes until the device refuses, which it must with words
#include "cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int usage(void) {
  fprintf(
      stderr,
      "usage: pjrt-run compile PLUGIN TARGET MODULE...\n"
      "       pjrt-run run PLUGIN PLATFORM REPORT CASE...\n"
      "       pjrt-run memory PLUGIN PLATFORM REPORT\n");
  return 64;
}

// A count of one program for one device that need not be there, as `CompileOptions.anyDevice`.
static const uint8_t any_device[] = {0x1a, 0x04, 0x20, 1, 0x28, 1};

static int failed(const char *place, nt_pjrt_error *error) {
  fprintf(stderr, "%s: code %d: %s\n", place, error->code, error->message);
  nt_pjrt_error_free(error);
  return 1;
}

static int compile(int count, char **names) {
  nt_pjrt_plugin plugin;
  nt_pjrt_error *error = nt_pjrt_open(names[0], &plugin);
  if (error) return failed(names[0], error);
  size_t size;
  char *target = read_file(names[1], &size);
  if (!target) return fprintf(stderr, "%s: cannot be read\n", names[1]), 66;
  const nt_pjrt_option options[] = {
      {.name = "target_config", .kind = nt_pjrt_string, .string = target},
      {.name = "topology", .kind = nt_pjrt_string, .string = "1x1x1"},
  };
  void *topology;
  error = nt_pjrt_topology_create(plugin.api, "", options, 2, &topology);
  if (error) return failed("topology", error);
  int status = 0;
  for (int i = 2; i < count; i++) {
    char *code = read_file(names[i], &size);
    if (!code) return fprintf(stderr, "%s: cannot be read\n", names[i]), 66;
    void *executable;
    const double began = seconds();
    error = nt_pjrt_compile_for(plugin.api, topology, code, size, any_device, sizeof any_device, &executable);
    const double took = seconds() - began;
    free(code);
    if (error) {
      status = failed(names[i], error);
      continue;
    }
    int64_t bytes[4] = {0};
    error = nt_pjrt_executable_memory(plugin.api, executable, bytes);
    if (error) nt_pjrt_error_free(error);
    printf(
        "%s: compiled in %.1f s, arguments %.1f MiB, results %.1f MiB, temporaries %.1f MiB\n", names[i], took,
        bytes[0] / 1048576.0, bytes[1] / 1048576.0, bytes[2] / 1048576.0);
    fflush(stdout);
    nt_pjrt_executable_destroy(plugin.api, executable);
  }
  return status;
}

int main(int argc, char **argv) {
  if (argc >= 5 && !strcmp(argv[1], "compile")) return compile(argc - 2, argv + 2);
  const int runs = argc >= 6 && !strcmp(argv[1], "run"), fills = argc == 5 && !strcmp(argv[1], "memory");
  if (!runs && !fills) return usage();
  FILE *report = fopen(argv[4], "a");
  if (!report) return fprintf(stderr, "%s: cannot be written\n", argv[4]), 73;
  device_t device;
  int status = open_device(&device, argv[2], argv[3], report);
  if (status == 0 && fills) status = fill_memory(&device, report);
  for (int i = 5; status == 0 && i < argc; i++) failures += run_case(&device, argv[i], report);
  if (status == 0 && runs) say(report, "%d cases, %d failed", argc - 5, failures);
  fclose(report);
  return status ? status : failures > 0;
}
