#include "shim.h"

#include <stdlib.h>

// MARK: - Compilation

static PJRT_Program program(const char *code, size_t size) {
  return (PJRT_Program){
      .struct_size = PJRT_Program_STRUCT_SIZE, .code = (char *)code, .code_size = size, .format = "mlir",
      .format_size = 4};
}

static nt_pjrt_error *executable_of(const PJRT_Api *api, void *loaded, PJRT_Executable **executable) {
  PJRT_LoadedExecutable_GetExecutable_Args args = {
      .struct_size = PJRT_LoadedExecutable_GetExecutable_Args_STRUCT_SIZE, .loaded_executable = loaded};
  nt_pjrt_error *error = nt_pjrt_taken(api, api->PJRT_LoadedExecutable_GetExecutable(&args));
  *executable = args.executable;
  return error;
}

void nt_pjrt_executable_destroy(const void *table, void *executable) {
  const PJRT_Api *api = table;
  PJRT_Executable_Destroy_Args args = {
      .struct_size = PJRT_Executable_Destroy_Args_STRUCT_SIZE, .executable = executable};
  nt_pjrt_error_free(nt_pjrt_taken(api, api->PJRT_Executable_Destroy(&args)));
}

nt_pjrt_error *nt_pjrt_compile(
    const void *table, void *client, const char *code, size_t size, const uint8_t *options, size_t options_size,
    void **loaded, size_t *output_count) {
  const PJRT_Api *api = table;
  PJRT_Program module = program(code, size);
  PJRT_Client_Compile_Args args = {
      .struct_size = PJRT_Client_Compile_Args_STRUCT_SIZE,
      .client = client,
      .program = &module,
      .compile_options = (const char *)options,
      .compile_options_size = options_size};
  nt_pjrt_error *error = nt_pjrt_taken(api, api->PJRT_Client_Compile(&args));
  if (error) return error;
  PJRT_Executable *executable = NULL;
  error = executable_of(api, args.executable, &executable);
  if (!error) {
    PJRT_Executable_NumOutputs_Args outputs = {
        .struct_size = PJRT_Executable_NumOutputs_Args_STRUCT_SIZE, .executable = executable};
    error = nt_pjrt_taken(api, api->PJRT_Executable_NumOutputs(&outputs));
    *output_count = outputs.num_outputs;
    nt_pjrt_executable_destroy(api, executable);
  }
  if (error) {
    nt_pjrt_loaded_destroy(api, args.executable);
    return error;
  }
  *loaded = args.executable;
  return NULL;
}

void nt_pjrt_loaded_destroy(const void *table, void *loaded) {
  const PJRT_Api *api = table;
  PJRT_LoadedExecutable_Destroy_Args args = {
      .struct_size = PJRT_LoadedExecutable_Destroy_Args_STRUCT_SIZE, .executable = loaded};
  nt_pjrt_error_free(nt_pjrt_taken(api, api->PJRT_LoadedExecutable_Destroy(&args)));
}

nt_pjrt_error *nt_pjrt_compile_for(
    const void *table, void *topology, const char *code, size_t size, const uint8_t *options, size_t options_size,
    void **executable) {
  const PJRT_Api *api = table;
  PJRT_Program module = program(code, size);
  PJRT_Compile_Args args = {
      .struct_size = PJRT_Compile_Args_STRUCT_SIZE,
      .topology = topology,
      .program = &module,
      .compile_options = (const char *)options,
      .compile_options_size = options_size};
  nt_pjrt_error *error = nt_pjrt_taken(api, api->PJRT_Compile(&args));
  *executable = args.executable;
  return error;
}

nt_pjrt_error *nt_pjrt_executable_memory(const void *table, void *executable, int64_t bytes[4]) {
  const PJRT_Api *api = table;
  PJRT_Executable_GetCompiledMemoryStats_Args args = {
      .struct_size = PJRT_Executable_GetCompiledMemoryStats_Args_STRUCT_SIZE, .executable = executable};
  nt_pjrt_error *error = nt_pjrt_taken(api, api->PJRT_Executable_GetCompiledMemoryStats(&args));
  bytes[0] = args.argument_size_in_bytes;
  bytes[1] = args.output_size_in_bytes;
  bytes[2] = args.temp_size_in_bytes;
  bytes[3] = args.generated_code_size_in_bytes;
  return error;
}

nt_pjrt_error *nt_pjrt_loaded_memory(const void *table, void *loaded, int64_t bytes[4]) {
  const PJRT_Api *api = table;
  PJRT_Executable *executable = NULL;
  nt_pjrt_error *error = executable_of(api, loaded, &executable);
  if (error) return error;
  error = nt_pjrt_executable_memory(api, executable, bytes);
  nt_pjrt_executable_destroy(api, executable);
  return error;
}

// MARK: - Numbers

nt_pjrt_error *nt_pjrt_upload(
    const void *table, void *client, void *device, const void *data, int type, const int64_t *dims, size_t rank,
    void **buffer) {
  const PJRT_Api *api = table;
  PJRT_Client_BufferFromHostBuffer_Args args = {
      .struct_size = PJRT_Client_BufferFromHostBuffer_Args_STRUCT_SIZE,
      .client = client,
      .data = data,
      .type = (PJRT_Buffer_Type)type,
      .dims = dims,
      .num_dims = rank,
      .host_buffer_semantics = PJRT_HostBufferSemantics_kImmutableUntilTransferCompletes,
      .device = device};
  nt_pjrt_error *error = nt_pjrt_taken(api, api->PJRT_Client_BufferFromHostBuffer(&args));
  if (error) return error;
  error = nt_pjrt_awaited(api, args.done_with_host_buffer);
  if (error) {
    nt_pjrt_buffer_destroy(api, args.buffer);
    return error;
  }
  *buffer = args.buffer;
  return NULL;
}

nt_pjrt_error *nt_pjrt_download(const void *table, void *buffer, size_t rank, void *data, size_t size) {
  const PJRT_Api *api = table;
  // Devices may keep numbers in another order.
  int64_t order[64];
  if (rank > 64) rank = 64;
  for (size_t axis = 0; axis < rank; axis++) order[axis] = (int64_t)(rank - 1 - axis);
  PJRT_Buffer_MemoryLayout layout = {
      .struct_size = PJRT_Buffer_MemoryLayout_STRUCT_SIZE, .type = PJRT_Buffer_MemoryLayout_Type_Tiled};
  layout.tiled = (PJRT_Buffer_MemoryLayout_Tiled){
      .struct_size = PJRT_Buffer_MemoryLayout_Tiled_STRUCT_SIZE, .minor_to_major = order, .minor_to_major_size = rank};
  PJRT_Buffer_ToHostBuffer_Args args = {
      .struct_size = PJRT_Buffer_ToHostBuffer_Args_STRUCT_SIZE,
      .src = buffer,
      .host_layout = &layout,
      .dst = data,
      .dst_size = size};
  nt_pjrt_error *error = nt_pjrt_taken(api, api->PJRT_Buffer_ToHostBuffer(&args));
  return error ? error : nt_pjrt_awaited(api, args.event);
}

void nt_pjrt_buffer_destroy(const void *table, void *buffer) {
  const PJRT_Api *api = table;
  PJRT_Buffer_Destroy_Args args = {.struct_size = PJRT_Buffer_Destroy_Args_STRUCT_SIZE, .buffer = buffer};
  nt_pjrt_error_free(nt_pjrt_taken(api, api->PJRT_Buffer_Destroy(&args)));
}

// MARK: - Execution

nt_pjrt_error *nt_pjrt_execute(
    const void *table, void *loaded, void *const *arguments, size_t argument_count, void **outputs,
    size_t output_count) {
  const PJRT_Api *api = table;
  PJRT_ExecuteOptions options = {.struct_size = PJRT_ExecuteOptions_STRUCT_SIZE};
  PJRT_Buffer *const *argument_list = (PJRT_Buffer *const *)arguments;
  PJRT_Buffer **output_list = (PJRT_Buffer **)outputs;
  PJRT_Event *done = NULL;
  PJRT_LoadedExecutable_Execute_Args args = {
      .struct_size = PJRT_LoadedExecutable_Execute_Args_STRUCT_SIZE,
      .executable = loaded,
      .options = &options,
      .argument_lists = &argument_list,
      .num_devices = 1,
      .num_args = argument_count,
      .output_lists = &output_list,
      .device_complete_events = &done};
  nt_pjrt_error *error = nt_pjrt_taken(api, api->PJRT_LoadedExecutable_Execute(&args));
  if (error) return error;
  error = nt_pjrt_awaited(api, done);
  if (!error) return NULL;
  for (size_t i = 0; i < output_count; i++) nt_pjrt_buffer_destroy(api, outputs[i]);
  return error;
}
