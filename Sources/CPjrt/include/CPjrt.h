// Flat functions over the C interface of PJRT plugins, through which programs are compiled for and run on accelerators.
//
// A plugin is a shared library that is loaded when it is asked for. All pointers to its objects are opaque here; every
// call that can fail returns NULL, or an error that the caller frees.
#ifndef NT_CPJRT_H
#define NT_CPJRT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Codes are those of gRPC, as the interface has them; negative ones are ours.
enum {
  nt_pjrt_not_loaded = -1,
  nt_pjrt_not_a_plugin = -2,
  nt_pjrt_too_old = -3,
};

typedef struct {
  int code;
  char *message;
} nt_pjrt_error;

void nt_pjrt_error_free(nt_pjrt_error *error);

// What the plugin speaks: versions of the interface and of StableHLO.
typedef struct {
  const void *api;
  int major, minor;
  int64_t stablehlo[3];
} nt_pjrt_plugin;

// The oldest minor version that has all entries used here.
int nt_pjrt_oldest_minor(void);

// Loads the library and prepares it, for the life of the process. Of a plugin that is too old the versions are set, too.
nt_pjrt_error *nt_pjrt_open(const char *path, nt_pjrt_plugin *plugin);

typedef enum { nt_pjrt_string, nt_pjrt_integer, nt_pjrt_integers, nt_pjrt_real, nt_pjrt_bool } nt_pjrt_kind;

// An option of a client or a topology; which member counts is said by `kind`.
typedef struct {
  const char *name;
  nt_pjrt_kind kind;
  const char *string;
  const int64_t *integers;
  size_t count;
  double real;
} nt_pjrt_option;

nt_pjrt_error *nt_pjrt_client_create(const void *api, const nt_pjrt_option *options, size_t count, void **client);
void nt_pjrt_client_destroy(const void *api, void *client);
// Strings are the caller's to free.
nt_pjrt_error *nt_pjrt_client_platform(const void *api, void *client, char **name, char **version);
nt_pjrt_error *nt_pjrt_client_devices(const void *api, void *client, void *const **devices, size_t *count);

// `limit` is the memory of the device in bytes, 0 where it is not known.
nt_pjrt_error *nt_pjrt_device_describe(const void *api, void *device, int *id, char **kind, char **text);
int64_t nt_pjrt_device_memory(const void *api, void *device);

// Text or bytes of a StableHLO module with serialized compile options.
nt_pjrt_error *nt_pjrt_compile(
    const void *api, void *client, const char *code, size_t size, const uint8_t *options, size_t options_size,
    void **loaded, size_t *output_count);
void nt_pjrt_loaded_destroy(const void *api, void *loaded);

// A description of devices that need not be there, and compilation for them.
nt_pjrt_error *nt_pjrt_topology_create(
    const void *api, const char *name, const nt_pjrt_option *options, size_t count, void **topology);
void nt_pjrt_topology_destroy(const void *api, void *topology);
nt_pjrt_error *nt_pjrt_compile_for(
    const void *api, void *topology, const char *code, size_t size, const uint8_t *options, size_t options_size,
    void **executable);
// Bytes of arguments, outputs, temporaries and code, in this order.
nt_pjrt_error *nt_pjrt_executable_memory(const void *api, void *executable, int64_t bytes[4]);
nt_pjrt_error *nt_pjrt_loaded_memory(const void *api, void *loaded, int64_t bytes[4]);
void nt_pjrt_executable_destroy(const void *api, void *executable);

// Element types as the interface numbers them.
enum { nt_pjrt_pred = 1, nt_pjrt_s32 = 4, nt_pjrt_u32 = 8, nt_pjrt_f32 = 11, nt_pjrt_f64 = 12 };

// Copies row-major numbers to a device; they may go when the call returns.
nt_pjrt_error *nt_pjrt_upload(
    const void *api, void *client, void *device, const void *data, int type, const int64_t *dims, size_t rank,
    void **buffer);
// Waits for the numbers and copies them, row-major, to `size` bytes.
nt_pjrt_error *nt_pjrt_download(const void *api, void *buffer, size_t rank, void *data, size_t size);
void nt_pjrt_buffer_destroy(const void *api, void *buffer);

// Runs on the device that the program was compiled for, and waits until it is done.
nt_pjrt_error *nt_pjrt_execute(
    const void *api, void *loaded, void *const *arguments, size_t argument_count, void **outputs, size_t output_count);

#ifdef __cplusplus
}
#endif

#endif
