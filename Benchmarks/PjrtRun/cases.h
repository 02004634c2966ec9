// Prepared modules with their arguments and the results that they must have.
#ifndef NT_PJRT_CASES_H
#define NT_PJRT_CASES_H

#include "CPjrt.h"

#include <stdio.h>

typedef struct {
  nt_pjrt_plugin plugin;
  void *client, *device;
} device_t;

extern int failures;

double seconds(void);
// The bytes of a file, which the caller frees; NULL where it cannot be read.
char *read_file(const char *path, size_t *size);
// A line to the report and to standard output, at once.
void say(FILE *report, const char *format, ...) __attribute__((format(printf, 2, 3)));

int open_device(device_t *device, const char *plugin, const char *platform, FILE *report);
// 1 where a case fails.
int run_case(const device_t *device, const char *folder, FILE *report);
int fill_memory(const device_t *device, FILE *report);

#endif
