#include "shim.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// MARK: - Errors

static nt_pjrt_error *failure(int code, const char *format, ...) {
  char text[2048];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  nt_pjrt_error *error = malloc(sizeof *error);
  error->code = code;
  error->message = nt_pjrt_copied(text, strlen(text));
  return error;
}

char *nt_pjrt_copied(const char *text, size_t size) {
  char *copy = malloc(size + 1);
  if (size > 0) memcpy(copy, text, size);
  copy[size] = 0;
  return copy;
}

nt_pjrt_error *nt_pjrt_taken(const PJRT_Api *api, PJRT_Error *error) {
  if (!error) return NULL;
  PJRT_Error_GetCode_Args code = {.struct_size = PJRT_Error_GetCode_Args_STRUCT_SIZE, .error = error};
  PJRT_Error_Message_Args message = {.struct_size = PJRT_Error_Message_Args_STRUCT_SIZE, .error = error};
  // What an error says of itself cannot fail but for arguments of the wrong size.
  PJRT_Error *second = api->PJRT_Error_GetCode(&code);
  api->PJRT_Error_Message(&message);
  nt_pjrt_error *result = malloc(sizeof *result);
  result->code = second ? PJRT_Error_Code_UNKNOWN : (int)code.code;
  result->message = nt_pjrt_copied(message.message, message.message ? message.message_size : 0);
  PJRT_Error_Destroy_Args destroy = {.struct_size = PJRT_Error_Destroy_Args_STRUCT_SIZE, .error = error};
  api->PJRT_Error_Destroy(&destroy);
  return result;
}

void nt_pjrt_error_free(nt_pjrt_error *error) {
  if (!error) return;
  free(error->message);
  free(error);
}

nt_pjrt_error *nt_pjrt_awaited(const PJRT_Api *api, PJRT_Event *event) {
  if (!event) return NULL;
  PJRT_Event_Await_Args await = {.struct_size = PJRT_Event_Await_Args_STRUCT_SIZE, .event = event};
  nt_pjrt_error *error = nt_pjrt_taken(api, api->PJRT_Event_Await(&await));
  PJRT_Event_Destroy_Args destroy = {.struct_size = PJRT_Event_Destroy_Args_STRUCT_SIZE, .event = event};
  nt_pjrt_error *second = nt_pjrt_taken(api, api->PJRT_Event_Destroy(&destroy));
  if (error) {
    nt_pjrt_error_free(second);
    return error;
  }
  return second;
}

// MARK: - Loading

// The interface of this header: version 0.81. Later ones only add to it.
enum { oldest_minor = 81 };

int nt_pjrt_oldest_minor(void) { return oldest_minor; }

// The end of the last entry of the table that is called here.
#define LAST_ENTRY PJRT_Executable_GetCompiledMemoryStats
static const size_t needed_size = offsetof(PJRT_Api, LAST_ENTRY) + sizeof(((PJRT_Api *)0)->LAST_ENTRY);

static void read_attributes(const PJRT_Api *api, nt_pjrt_plugin *plugin) {
  PJRT_Plugin_Attributes_Args args = {.struct_size = PJRT_Plugin_Attributes_Args_STRUCT_SIZE};
  nt_pjrt_error *error = nt_pjrt_taken(api, api->PJRT_Plugin_Attributes(&args));
  if (error) {
    // They are for messages only.
    nt_pjrt_error_free(error);
    return;
  }
  for (size_t i = 0; i < args.num_attributes; i++) {
    const PJRT_NamedValue *value = &args.attributes[i];
    static const char name[] = "stablehlo_current_version";
    if (value->name_size != sizeof name - 1 || memcmp(value->name, name, sizeof name - 1)) continue;
    if (value->type != PJRT_NamedValue_kInt64List) continue;
    for (size_t k = 0; k < value->value_size && k < 3; k++) plugin->stablehlo[k] = value->int64_array_value[k];
  }
}

// A plugin is initialised once in a process, whoever opens it.
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static const PJRT_Api *initialized[64];

static nt_pjrt_error *initialize(const PJRT_Api *api) {
  pthread_mutex_lock(&mutex);
  size_t place = 0;
  while (place < 64 && initialized[place] && initialized[place] != api) place++;
  nt_pjrt_error *error = NULL;
  if (place == 64) {
    error = failure(nt_pjrt_not_loaded, "more than 64 plugins in one process");
  } else if (!initialized[place]) {
    PJRT_Plugin_Initialize_Args args = {.struct_size = PJRT_Plugin_Initialize_Args_STRUCT_SIZE};
    error = nt_pjrt_taken(api, api->PJRT_Plugin_Initialize(&args));
    if (!error) initialized[place] = api;
  }
  pthread_mutex_unlock(&mutex);
  return error;
}

nt_pjrt_error *nt_pjrt_open(const char *path, nt_pjrt_plugin *plugin) {
  memset(plugin, 0, sizeof *plugin);
  // Never closed: the plugin has threads and what they hold on to.
  void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    const char *reason = dlerror();
    return failure(nt_pjrt_not_loaded, "%s", reason ? reason : path);
  }
  const PJRT_Api *(*get)(void) = NULL;
  *(void **)&get = dlsym(handle, "GetPjrtApi");
  if (!get) return failure(nt_pjrt_not_a_plugin, "%s exports no GetPjrtApi", path);
  const PJRT_Api *api = get();
  if (!api) return failure(nt_pjrt_not_a_plugin, "GetPjrtApi of %s returns nothing", path);
  plugin->api = api;
  plugin->major = api->pjrt_api_version.major_version;
  plugin->minor = api->pjrt_api_version.minor_version;
  if (plugin->major != 0 || plugin->minor < oldest_minor || api->struct_size < needed_size) {
    return failure(
        nt_pjrt_too_old, "plugin speaks PJRT %d.%d, 0.%d or later needed", plugin->major, plugin->minor, oldest_minor);
  }
  nt_pjrt_error *error = initialize(api);
  if (error) return error;
  read_attributes(api, plugin);
  return NULL;
}
