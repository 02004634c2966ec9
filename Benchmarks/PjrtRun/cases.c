#define _GNU_SOURCE
#include "cases.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int failures;

double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + now.tv_nsec * 1e-9;
}

char *read_file(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  if (!file) return NULL;
  fseek(file, 0, SEEK_END);
  *size = (size_t)ftell(file);
  rewind(file);
  char *bytes = malloc(*size + 1);
  if (fread(bytes, 1, *size, file) != *size) {
    free(bytes);
    bytes = NULL;
  } else {
    bytes[*size] = 0;
  }
  fclose(file);
  return bytes;
}

void say(FILE *report, const char *format, ...) {
  char text[4096];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  for (char *c = text; *c; c++) {
    if (*c == '\n') *c = ' ';
  }
  fprintf(report, "%s\n", text);
  fflush(report);
  printf("%s\n", text);
  fflush(stdout);
}

static int refused(FILE *report, const char *place, nt_pjrt_error *error) {
  say(report, "FAILED %s: code %d: %s", place, error->code, error->message);
  nt_pjrt_error_free(error);
  return 1;
}

// MARK: - The device

int open_device(device_t *device, const char *path, const char *platform, FILE *report) {
  nt_pjrt_error *error = nt_pjrt_open(path, &device->plugin);
  if (error) return refused(report, path, error);
  say(report, "plugin %s: PJRT %d.%d, StableHLO %d.%d.%d", path, device->plugin.major, device->plugin.minor,
      (int)device->plugin.stablehlo[0], (int)device->plugin.stablehlo[1], (int)device->plugin.stablehlo[2]);
  const int64_t no = 0;
  const nt_pjrt_option options[] = {{.name = "preallocate", .kind = nt_pjrt_bool, .integers = &no}};
  const double began = seconds();
  error = nt_pjrt_client_create(device->plugin.api, options, !strcmp(platform, "cuda"), &device->client);
  if (error) return refused(report, "client", error);
  void *const *devices;
  size_t count;
  error = nt_pjrt_client_devices(device->plugin.api, device->client, &devices, &count);
  if (error) return refused(report, "devices", error);
  if (count == 0) return say(report, "FAILED: no device"), 1;
  device->device = devices[0];
  for (size_t i = 0; i < count; i++) {
    int id;
    char *kind, *text;
    error = nt_pjrt_device_describe(device->plugin.api, devices[i], &id, &kind, &text);
    if (error) return refused(report, "device", error);
    say(report, "device %d: %s, %s, %.1f GiB, client in %.2f s", id, kind, text,
        nt_pjrt_device_memory(device->plugin.api, devices[i]) / 1073741824.0, seconds() - began);
    free(kind);
    free(text);
  }
  return 0;
}

int fill_memory(const device_t *device, FILE *report) {
  enum { most = 64 };
  void *buffers[most];
  int count = 0;
  const int64_t size = (int64_t)4 << 30;
  char *numbers = calloc(1, (size_t)size);
  const int64_t dims[] = {size / 4};
  nt_pjrt_error *error = NULL;
  while (numbers && count < most && !error) {
    error = nt_pjrt_upload(
        device->plugin.api, device->client, device->device, numbers, nt_pjrt_f32, dims, 1, &buffers[count]);
    if (!error) count++;
  }
  if (error) {
    say(report, "memory: refused after %d times 4 GiB with code %d: %.300s", count, error->code, error->message);
  } else {
    say(report, "memory: not refused after %d times 4 GiB", count);
  }
  nt_pjrt_error_free(error);
  while (count > 0) nt_pjrt_buffer_destroy(device->plugin.api, buffers[--count]);
  free(numbers);
  return 0;
}

// MARK: - Arrays

enum { most_arrays = 512, most_axes = 16 };

typedef struct {
  int type;
  size_t rank, count;
  int64_t dims[most_axes];
  char file[128];
  double tolerance;
} array_t;

static size_t element_size(int type) { return type == nt_pjrt_pred ? 1 : type == nt_pjrt_f64 ? 8 : 4; }

static double element(const array_t *array, const char *bytes, size_t i) {
  switch (array->type) {
    case nt_pjrt_pred: return bytes[i] != 0;
    case nt_pjrt_s32: return ((const int32_t *)bytes)[i];
    case nt_pjrt_f32: return ((const float *)bytes)[i];
    default: return ((const double *)bytes)[i];
  }
}

// The largest difference relative to the largest expected number or to one.
static double difference(const array_t *array, const char *found, const char *expected) {
  double largest = 0, scale = 1;
  for (size_t i = 0; i < array->count; i++) {
    const double e = element(array, expected, i);
    if (isfinite(e)) scale = fmax(scale, fabs(e));
  }
  for (size_t i = 0; i < array->count; i++) {
    const double e = element(array, expected, i), f = element(array, found, i);
    if (e == f || (isnan(e) && isnan(f))) continue;
    largest = isfinite(e) && isfinite(f) ? fmax(largest, fabs(e - f) / scale) : INFINITY;
  }
  return largest;
}

// `argument f32 2 3 4 a0.bin` or `output f32 2 3 4 r0.bin 1e-6`.
static int parse(char *line, array_t *array) {
  static const struct { const char *name; int type; } types[] = {
      {"pred", nt_pjrt_pred}, {"s32", nt_pjrt_s32}, {"f32", nt_pjrt_f32}, {"f64", nt_pjrt_f64}};
  char *rest, *word = strtok_r(line, " ", &rest);
  memset(array, 0, sizeof *array);
  if (!(word = strtok_r(NULL, " ", &rest))) return 0;
  for (size_t i = 0; i < 4; i++) {
    if (!strcmp(word, types[i].name)) array->type = types[i].type;
  }
  if (!array->type || !(word = strtok_r(NULL, " ", &rest))) return 0;
  array->rank = strtoul(word, NULL, 10);
  array->count = 1;
  if (array->rank > most_axes) return 0;
  for (size_t axis = 0; axis < array->rank; axis++) {
    if (!(word = strtok_r(NULL, " ", &rest))) return 0;
    array->dims[axis] = atoll(word);
    array->count *= (size_t)array->dims[axis];
  }
  if (!(word = strtok_r(NULL, " ", &rest))) return 0;
  snprintf(array->file, sizeof array->file, "%s", word);
  word = strtok_r(NULL, " ", &rest);
  array->tolerance = word ? atof(word) : 0;
  return 1;
}

// MARK: - A case

typedef struct {
  array_t arrays[most_arrays];
  int argument_count, output_count, repeats, pairs;
} case_t;

static char *inside(const char *folder, const char *name, size_t *size) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return read_file(path, size);
}

// One copy of the program and its options for device 0.
static const uint8_t first_device[] = {0x1a, 0x0f, 0x20, 1, 0x28, 1, 0x4a, 9, 8, 1, 0x10, 1, 0x1a, 3, 0x0a, 1, 0};

static int read_case(case_t *item, const char *folder) {
  size_t size;
  char *text = inside(folder, "case.txt", &size), *rest;
  if (!text) return 0;
  memset(item, 0, sizeof *item);
  int fine = 1;
  for (char *line = strtok_r(text, "\n", &rest); line && fine; line = strtok_r(NULL, "\n", &rest)) {
    const int used = item->argument_count + item->output_count;
    if (!strncmp(line, "repeat ", 7)) {
      item->repeats = atoi(line + 7);
    } else if (!strncmp(line, "pairs ", 6)) {
      item->pairs = atoi(line + 6);
    } else if (used < most_arrays) {
      *(*line == 'a' ? &item->argument_count : &item->output_count) += 1;
      fine = parse(line, &item->arrays[used]);
    } else {
      fine = 0;
    }
  }
  free(text);
  return fine;
}

int run_case(const device_t *device, const char *folder, FILE *report) {
  static case_t item;
  if (!read_case(&item, folder)) return say(report, "FAILED %s: no case.txt that can be read", folder), 1;
  size_t size;
  char *code = inside(folder, "module.mlir", &size);
  if (!code) return say(report, "FAILED %s: no module.mlir", folder), 1;
  const void *api = device->plugin.api;
  void *loaded, *buffers[most_arrays], *results[most_arrays];
  size_t output_count;
  const double began = seconds();
  nt_pjrt_error *error = nt_pjrt_compile(
      api, device->client, code, size, first_device, sizeof first_device, &loaded, &output_count);
  const double compiled = seconds() - began;
  free(code);
  if (error) return refused(report, folder, error);
  for (int i = 0; i < item.argument_count; i++) {
    const array_t *array = &item.arrays[i];
    char *bytes = inside(folder, array->file, &size);
    if (!bytes || size != array->count * element_size(array->type)) {
      return say(report, "FAILED %s: %s is not of its size", folder, array->file), 1;
    }
    error = nt_pjrt_upload(
        api, device->client, device->device, bytes, array->type, array->dims, array->rank, &buffers[i]);
    free(bytes);
    if (error) return refused(report, folder, error);
  }
  double best = INFINITY;
  for (int turn = 0; turn <= item.repeats; turn++) {
    const double start = seconds();
    error = nt_pjrt_execute(api, loaded, buffers, (size_t)item.argument_count, results, output_count);
    if (error) return refused(report, folder, error);
    best = fmin(best, seconds() - start);
    if (turn == item.repeats) break;
    for (size_t i = 0; i < output_count; i++) nt_pjrt_buffer_destroy(api, results[i]);
  }
  double largest = 0;
  int wrong = output_count != (size_t)item.output_count;
  for (int i = 0; !wrong && i < item.output_count; i++) {
    const array_t *array = &item.arrays[item.argument_count + i];
    const size_t bytes = array->count * element_size(array->type);
    char *found = malloc(bytes + 1), *expected = inside(folder, array->file, &size);
    error = bytes ? nt_pjrt_download(api, results[i], array->rank, found, bytes) : NULL;
    if (error) return refused(report, folder, error);
    const double d = expected && size == bytes ? difference(array, found, expected) : INFINITY;
    largest = fmax(largest, d);
    wrong = !(d <= array->tolerance);
    free(found);
    free(expected);
  }
  for (size_t i = 0; i < output_count; i++) nt_pjrt_buffer_destroy(api, results[i]);
  for (int i = 0; i < item.argument_count; i++) nt_pjrt_buffer_destroy(api, buffers[i]);
  nt_pjrt_loaded_destroy(api, loaded);
  char pairs[64] = "";
  if (item.pairs) snprintf(pairs, sizeof pairs, ", %.4f ms a pair", 1e3 * best / item.pairs);
  say(report, "%s %s: difference %.2g, compiled in %.2f s, %.4f ms%s", wrong ? "FAILED" : "passed", folder, largest,
      compiled, 1e3 * best, pairs);
  return wrong;
}
