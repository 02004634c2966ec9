// Functions of two arguments that need SLEEF, for elementwise_arithmetic.c.
#pragma once

#include "nt_elementwise.h"

void nt_elementary_2_f(
  nt_binary_function f, nt_operand a, nt_operand b, float *out, size_t rows, size_t columns);
void nt_elementary_2_d(
  nt_binary_function f, nt_operand a, nt_operand b, double *out, size_t rows, size_t columns);
