// Plugins that go wrong, for tests: compiled by them with one of the following.
//   OLD            speaks 0.54
//   NO_DEVICE      finds no device
//   BEHIND, LIMIT  the plugin BEHIND, with a program refused whose arguments take more than LIMIT bytes
#define _GNU_SOURCE
#include "pjrt_c_api.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>


static PJRT_Api table;

// MARK: - Errors of our own

static char message[128];
static PJRT_Error_Code code;
#define OURS ((PJRT_Error *)message)

static PJRT_Error *fail(PJRT_Error_Code reason) {
  code = reason;
  return OURS;
}

#ifdef BEHIND
static const PJRT_Api *behind;
#endif

static void error_message(PJRT_Error_Message_Args *args) {
#ifdef BEHIND
  if (args->error != OURS) {
    behind->PJRT_Error_Message(args);
    return;
  }
#endif
  args->message = message;
  args->message_size = strlen(message);
}

static PJRT_Error *error_code(PJRT_Error_GetCode_Args *args) {
#ifdef BEHIND
  if (args->error != OURS) return behind->PJRT_Error_GetCode(args);
#endif
  args->code = code;
  return NULL;
}

static void error_destroy(PJRT_Error_Destroy_Args *args) {
#ifdef BEHIND
  if (args->error != OURS) behind->PJRT_Error_Destroy(args);
#else
  (void)args;
#endif
}

// MARK: - What goes wrong

static PJRT_Error *initialize(PJRT_Plugin_Initialize_Args *args) {
  (void)args;
  return NULL;
}

static PJRT_Error *attributes(PJRT_Plugin_Attributes_Args *args) {
  args->num_attributes = 0;
  return NULL;
}

static PJRT_Error *no_client(PJRT_Client_Create_Args *args) {
  (void)args;
  snprintf(message, sizeof message, "No visible GPU devices.");
  return fail(PJRT_Error_Code_FAILED_PRECONDITION);
}

#ifdef BEHIND
static PJRT_Error *execute(PJRT_LoadedExecutable_Execute_Args *args) {
  size_t total = 0;
  for (size_t i = 0; i < args->num_args; i++) {
    PJRT_Buffer_OnDeviceSizeInBytes_Args size = {
        .struct_size = PJRT_Buffer_OnDeviceSizeInBytes_Args_STRUCT_SIZE, .buffer = args->argument_lists[0][i]};
    PJRT_Error *error = behind->PJRT_Buffer_OnDeviceSizeInBytes(&size);
    if (error) return error;
    total += size.on_device_size_in_bytes;
  }
  if (total <= LIMIT) return behind->PJRT_LoadedExecutable_Execute(args);
  snprintf(message, sizeof message, "Out of memory allocating %zu bytes.", total);
  return fail(PJRT_Error_Code_RESOURCE_EXHAUSTED);
}
#endif

const PJRT_Api *GetPjrtApi(void) {
  if (table.struct_size) return &table;
  table.struct_size = PJRT_Api_STRUCT_SIZE;
  table.pjrt_api_version.struct_size = PJRT_Api_Version_STRUCT_SIZE;
  table.pjrt_api_version.major_version = 0;
#ifdef OLD
  table.pjrt_api_version.minor_version = 54;
#else
  table.pjrt_api_version.minor_version = 81;
#endif
#ifdef BEHIND
  void *handle = dlopen(BEHIND, RTLD_NOW | RTLD_LOCAL);
  if (!handle) return NULL;
  const PJRT_Api *(*get)(void) = NULL;
  *(void **)&get = dlsym(handle, "GetPjrtApi");
  behind = get();
  memcpy(&table, behind, sizeof table < behind->struct_size ? sizeof table : behind->struct_size);
  table.PJRT_LoadedExecutable_Execute = execute;
#else
  table.PJRT_Plugin_Initialize = initialize;
  table.PJRT_Plugin_Attributes = attributes;
  table.PJRT_Client_Create = no_client;
#endif
  table.PJRT_Error_Message = error_message;
  table.PJRT_Error_GetCode = error_code;
  table.PJRT_Error_Destroy = error_destroy;
  return &table;
}
