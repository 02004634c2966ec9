#include "nt_convolution.h"

#include <string.h>

#define NT_BODY "window_sum_body.h"
#include "every_instruction_set.h"

// int32 wraps around, which only unsigned arithmetic may.
void nt_window_sum(nt_dtype type, nt_window window, long first, long last, const void *x, void *out) {
  switch (type) {
    case nt_float32: return NT_DISPATCH(nt_window_sum_f)(window, first, last, x, out);
    case nt_float64: return NT_DISPATCH(nt_window_sum_d)(window, first, last, x, out);
    default: return NT_DISPATCH(nt_window_sum_i)(window, first, last, x, out);
  }
}
