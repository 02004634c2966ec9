#include "shim.h"

#include <stdlib.h>
#include <string.h>

// MARK: - Options

static void set_option(PJRT_NamedValue *value, const nt_pjrt_option *option) {
  memset(value, 0, sizeof *value);
  value->struct_size = PJRT_NamedValue_STRUCT_SIZE;
  value->name = option->name;
  value->name_size = strlen(option->name);
  value->value_size = 1;
  switch (option->kind) {
    case nt_pjrt_string:
      value->type = PJRT_NamedValue_kString;
      value->string_value = option->string;
      value->value_size = strlen(option->string);
      break;
    case nt_pjrt_integer:
      value->type = PJRT_NamedValue_kInt64;
      value->int64_value = option->integers[0];
      break;
    case nt_pjrt_integers:
      value->type = PJRT_NamedValue_kInt64List;
      value->int64_array_value = option->integers;
      value->value_size = option->count;
      break;
    case nt_pjrt_real:
      value->type = PJRT_NamedValue_kFloat;
      value->float_value = (float)option->real;
      break;
    case nt_pjrt_bool:
      value->type = PJRT_NamedValue_kBool;
      value->bool_value = option->integers[0] != 0;
      break;
  }
}

static PJRT_NamedValue *named_values(const nt_pjrt_option *options, size_t count) {
  PJRT_NamedValue *values = calloc(count + 1, sizeof *values);
  for (size_t i = 0; i < count; i++) set_option(&values[i], &options[i]);
  return values;
}

// MARK: - Clients and devices

nt_pjrt_error *nt_pjrt_client_create(
    const void *table, const nt_pjrt_option *options, size_t count, void **client) {
  const PJRT_Api *api = table;
  PJRT_NamedValue *values = named_values(options, count);
  PJRT_Client_Create_Args args = {
      .struct_size = PJRT_Client_Create_Args_STRUCT_SIZE, .create_options = values, .num_options = count};
  nt_pjrt_error *error = nt_pjrt_taken(api, api->PJRT_Client_Create(&args));
  free(values);
  *client = args.client;
  return error;
}

void nt_pjrt_client_destroy(const void *table, void *client) {
  const PJRT_Api *api = table;
  PJRT_Client_Destroy_Args args = {.struct_size = PJRT_Client_Destroy_Args_STRUCT_SIZE, .client = client};
  nt_pjrt_error_free(nt_pjrt_taken(api, api->PJRT_Client_Destroy(&args)));
}

nt_pjrt_error *nt_pjrt_client_platform(const void *table, void *client, char **name, char **version) {
  const PJRT_Api *api = table;
  PJRT_Client_PlatformName_Args names = {
      .struct_size = PJRT_Client_PlatformName_Args_STRUCT_SIZE, .client = client};
  nt_pjrt_error *error = nt_pjrt_taken(api, api->PJRT_Client_PlatformName(&names));
  if (error) return error;
  PJRT_Client_PlatformVersion_Args versions = {
      .struct_size = PJRT_Client_PlatformVersion_Args_STRUCT_SIZE, .client = client};
  error = nt_pjrt_taken(api, api->PJRT_Client_PlatformVersion(&versions));
  if (error) return error;
  *name = nt_pjrt_copied(names.platform_name, names.platform_name_size);
  *version = nt_pjrt_copied(versions.platform_version, versions.platform_version_size);
  return NULL;
}

nt_pjrt_error *nt_pjrt_client_devices(const void *table, void *client, void *const **devices, size_t *count) {
  const PJRT_Api *api = table;
  PJRT_Client_AddressableDevices_Args args = {
      .struct_size = PJRT_Client_AddressableDevices_Args_STRUCT_SIZE, .client = client};
  nt_pjrt_error *error = nt_pjrt_taken(api, api->PJRT_Client_AddressableDevices(&args));
  *devices = (void *const *)args.addressable_devices;
  *count = args.num_addressable_devices;
  return error;
}

nt_pjrt_error *nt_pjrt_device_describe(const void *table, void *device, int *id, char **kind, char **text) {
  const PJRT_Api *api = table;
  PJRT_Device_GetDescription_Args get = {
      .struct_size = PJRT_Device_GetDescription_Args_STRUCT_SIZE, .device = device};
  nt_pjrt_error *error = nt_pjrt_taken(api, api->PJRT_Device_GetDescription(&get));
  if (error) return error;
  PJRT_DeviceDescription_Id_Args ids = {
      .struct_size = PJRT_DeviceDescription_Id_Args_STRUCT_SIZE, .device_description = get.device_description};
  error = nt_pjrt_taken(api, api->PJRT_DeviceDescription_Id(&ids));
  if (error) return error;
  PJRT_DeviceDescription_Kind_Args kinds = {
      .struct_size = PJRT_DeviceDescription_Kind_Args_STRUCT_SIZE, .device_description = get.device_description};
  error = nt_pjrt_taken(api, api->PJRT_DeviceDescription_Kind(&kinds));
  if (error) return error;
  PJRT_DeviceDescription_ToString_Args texts = {
      .struct_size = PJRT_DeviceDescription_ToString_Args_STRUCT_SIZE, .device_description = get.device_description};
  error = nt_pjrt_taken(api, api->PJRT_DeviceDescription_ToString(&texts));
  if (error) return error;
  *id = ids.id;
  *kind = nt_pjrt_copied(kinds.device_kind, kinds.device_kind_size);
  *text = nt_pjrt_copied(texts.to_string, texts.to_string_size);
  return NULL;
}

int64_t nt_pjrt_device_memory(const void *table, void *device) {
  const PJRT_Api *api = table;
  PJRT_Device_MemoryStats_Args args = {.struct_size = PJRT_Device_MemoryStats_Args_STRUCT_SIZE, .device = device};
  nt_pjrt_error *error = nt_pjrt_taken(api, api->PJRT_Device_MemoryStats(&args));
  // Not every platform counts.
  nt_pjrt_error_free(error);
  return !error && args.bytes_limit_is_set ? args.bytes_limit : 0;
}

// MARK: - Topologies

nt_pjrt_error *nt_pjrt_topology_create(
    const void *table, const char *name, const nt_pjrt_option *options, size_t count, void **topology) {
  const PJRT_Api *api = table;
  PJRT_NamedValue *values = named_values(options, count);
  PJRT_TopologyDescription_Create_Args args = {
      .struct_size = PJRT_TopologyDescription_Create_Args_STRUCT_SIZE,
      .topology_name = name,
      .topology_name_size = strlen(name),
      .create_options = values,
      .num_options = count};
  nt_pjrt_error *error = nt_pjrt_taken(api, api->PJRT_TopologyDescription_Create(&args));
  free(values);
  *topology = args.topology;
  return error;
}

void nt_pjrt_topology_destroy(const void *table, void *topology) {
  const PJRT_Api *api = table;
  PJRT_TopologyDescription_Destroy_Args args = {
      .struct_size = PJRT_TopologyDescription_Destroy_Args_STRUCT_SIZE, .topology = topology};
  nt_pjrt_error_free(nt_pjrt_taken(api, api->PJRT_TopologyDescription_Destroy(&args)));
}
