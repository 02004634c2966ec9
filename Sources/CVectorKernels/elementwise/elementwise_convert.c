#include "elementwise_loops.h"
#include "nt_elementwise.h"

#define NT_BODY "elementwise_convert_body.h"
#include "every_instruction_set.h"

void nt_convert(nt_dtype from, nt_dtype to, const void *x, void *y, size_t count) {
  NT_DISPATCH(nt_convert)(from, to, x, y, count);
}
