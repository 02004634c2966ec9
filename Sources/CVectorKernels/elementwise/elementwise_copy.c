#include "elementwise_loops.h"
#include "nt_elementwise.h"

#define NT_BODY "elementwise_copy_body.h"
#include "every_instruction_set.h"

void nt_copy(
  nt_dtype type, void *target, ptrdiff_t target_row, ptrdiff_t target_step, const void *source, ptrdiff_t source_row,
  ptrdiff_t source_step, size_t rows, size_t columns) {
  switch (type) {
    case nt_float32:
    case nt_int32:
      return NT_DISPATCH(nt_copy_uint32_t)(
        target, target_row, target_step, source, source_row, source_step, rows, columns);
    case nt_float64:
      return NT_DISPATCH(nt_copy_uint64_t)(
        target, target_row, target_step, source, source_row, source_step, rows, columns);
    case nt_bool:
      return NT_DISPATCH(nt_copy_uint8_t)(
        target, target_row, target_step, source, source_row, source_step, rows, columns);
  }
}
