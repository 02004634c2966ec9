// Covariance operations other than duals.

static void TYPED(nt_affine)(const nt_affine *affine, long n, int theta_is_zero, REAL *k, REAL *theta) {
  const VR weight = SPLAT_R(affine->weight_variance), bias = SPLAT_R(affine->bias_variance);
  const VR from_input = SPLAT_R(affine->theta_from_input), from_output = SPLAT_R(affine->theta_from_output);
  const VR constant = SPLAT_R(affine->theta_constant);
  for (long j = 0; j < n; j += R_LANES) {
    VR input = LOAD_R(k + j);
    VR output = V_FMA(weight, input, bias);
    STORE_R(k + j, output);
    if (theta != NULL) {
      VR added = V_FMA(from_input, input, V_FMA(from_output, output, constant));
      STORE_R(theta + j, theta_is_zero ? added : V_FMA(weight, LOAD_R(theta + j), added));
    }
  }
}

static void TYPED(nt_scale_row)(long n, REAL row_scale, const REAL *column_scale, REAL *k, REAL *theta) {
  for (long j = 0; j < n; j += R_LANES) {
    VR first = SPLAT_R(row_scale), second = LOAD_R(column_scale + j);
    STORE_R(k + j, (LOAD_R(k + j) * first) * second);
    if (theta != NULL) STORE_R(theta + j, (LOAD_R(theta + j) * first) * second);
  }
}

static void TYPED(nt_scale_diagonal)(long n, const REAL *scale, REAL *k, REAL *theta) {
  for (long j = 0; j < n; j += R_LANES) {
    VR factor = LOAD_R(scale + j);
    STORE_R(k + j, (LOAD_R(k + j) * factor) * factor);
    if (theta != NULL) STORE_R(theta + j, (LOAD_R(theta + j) * factor) * factor);
  }
}

static void TYPED(nt_weighted_add)(long n, double weight, int theta_is_zero, REAL *k, REAL *theta, double weight2,
                            const REAL *k2, const REAL *theta2) {
  const VR w = SPLAT_R(weight), w2 = SPLAT_R(weight2);
  for (long j = 0; j < n; j += R_LANES) {
    STORE_R(k + j, V_FMA(w2, LOAD_R(k2 + j), w * LOAD_R(k + j)));
    if (theta != NULL) {
      VR sum = theta_is_zero ? SPLAT_R(0) : w * LOAD_R(theta + j);
      STORE_R(theta + j, theta2 == NULL ? sum : V_FMA(w2, LOAD_R(theta2 + j), sum));
    }
  }
}

static void TYPED(nt_add)(long n, int theta_is_zero, REAL *k, REAL *theta, const REAL *k2, const REAL *theta2) {
  TYPED(nt_weighted_add)(n, 1, theta_is_zero, k, theta, 1, k2, theta2);
}

static void TYPED(nt_multiply)(long n, int theta_is_zero, REAL *k, REAL *theta, const REAL *k2, const REAL *theta2) {
  for (long j = 0; j < n; j += R_LANES) {
    VR first = LOAD_R(k + j), second = LOAD_R(k2 + j);
    STORE_R(k + j, first * second);
    if (theta != NULL) {
      VR product = theta2 == NULL ? SPLAT_R(0) : first * LOAD_R(theta2 + j);
      STORE_R(theta + j, theta_is_zero ? product : V_FMA(LOAD_R(theta + j), second, product));
    }
  }
}
