// Activation duals by name, for checks.
#pragma once

#include "checks.h"

// The kinds by the names that fixtures and checks use. A new kind needs a line in dual_checks.c, and one in `dual_samples`.
typedef struct dual_kind_name {
  const char *name;
  nt_dual_kind kind;
} dual_kind_name;

// A dual and its coefficients, in memory of the check.
nt_dual make_dual(const char *kind, const double *parameters, long count, const double *coefficients,
                  long coefficient_count);

// A dual of every kind, for checks that need no exact values.
typedef struct dual_sample {
  const char *kind;
  double parameters[4];
  double coefficients[4];
  int coefficient_count;
} dual_sample;
extern const dual_sample dual_samples[];
nt_dual make_sample(const dual_sample *sample);
