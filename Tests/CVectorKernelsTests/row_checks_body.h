// Included by row_checks.c once per element type.

static void S(find_at_least)(void) {
  for (long n = 0; n <= 67; n++)
    for (long place = 0; place <= n; place++) {
      T *k = SCRATCH(T, n + 1), *scale = SCRATCH(T, n + 1);
      for (long j = 0; j < n; j++) {
        k[j] = (T)0.5 * (T)(j + 1);
        scale[j] = (T)(j + 1);
      }
      if (place < n) k[place] = place % 2 ? -(T)0.75 * scale[place] : (T)0.75 * scale[place];
      for (long start = 0; start <= smaller(n, place + 3); start++) {
        long want = start <= place ? place : n, got = S(nt_find_at_least)(n, start, k, (T)0.75, scale);
        EXPECT(got == want, "found %ld for %ld from %ld of %ld", got, want, start, n);
      }
    }
}

static void S(all_finite)(void) {
  for (long n = 0; n <= 70; n++) {
    T *x = SCRATCH(T, n + 1);
    for (long j = 0; j < n; j++) x[j] = (T)(j - 30) * (NT_DOUBLE ? (T)1e300 : (T)1e36);
    EXPECT(S(nt_all_finite)(n, x), "found something among %ld", n);
    for (long j = 0; j < n; j++)
      for (int kind = 0; kind < 3; kind++) {
        T kept = x[j];
        x[j] = kind == 0 ? (T)NAN : kind == 1 ? (T)INFINITY : -(T)INFINITY;
        EXPECT(!S(nt_all_finite)(n, x), "found nothing at %ld of %ld", j, n);
        x[j] = kept;
      }
  }
}

static void S(sum_of_squares)(void) {
  for (long n = 0; n <= 300; n += n < 70 ? 1 : 23) {
    T *x = SCRATCH(T, n + 1);
    double want = 0;
    seed_numbers((uint64_t)n);
    for (long j = 0; j < n; j++) {
      x[j] = (T)random_uniform(-3, 3);
      want += (double)x[j] * (double)x[j];
    }
    double got = S(nt_sum_of_squares)(n, x);
    EXPECT(fabs(got - want) <= 1e-14 * want, "found %.17g for %.17g of %ld", got, want, n);
  }
}

static void S(store_block)(void) {
  for (long columns = 1; columns <= 67; columns += columns < 20 ? 1 : 7)
    for (int offset = 0; offset < 2; offset++) {
      long rows = 3, source_stride = columns + 5, target_stride = offset ? columns + 3 : (columns + 15) / 16 * 16;
      T *source = SCRATCH(T, rows * source_stride), *target = SCRATCH(T, rows * target_stride + 8);
      for (long i = 0; i < rows * source_stride; i++) source[i] = (T)i;
      for (long i = 0; i < rows * target_stride + 8; i++) target[i] = -1;
      int finite = S(nt_store_block)(rows, columns, source, source_stride, target + offset, target_stride);
      EXPECT(finite, "found something");
      for (long i = 0; i < rows; i++)
        for (long j = 0; j < target_stride && i * target_stride + j < rows * target_stride; j++) {
          T got = target[offset + i * target_stride + j], want = j < columns ? source[i * source_stride + j] : -1;
          EXPECT(got == want, "found %g for %g at %ld, %ld", (double)got, (double)want, i, j);
        }
      for (long bad = 0; bad < rows * columns; bad++) {
        T *place = &source[bad / columns * source_stride + bad % columns], kept = *place;
        *place = bad % 2 ? (T)NAN : (T)INFINITY;
        EXPECT(!S(nt_store_block)(rows, columns, source, source_stride, target + offset, target_stride),
               "found nothing at %ld", bad);
        *place = kept;
      }
    }
}

static void S(transpose)(void) {
  for (long rows = 1; rows <= 37; rows += rows < 18 ? 1 : 6)
    for (long columns = 1; columns <= 37; columns += columns < 18 ? 1 : 6) {
      long source_stride = columns + 3, target_stride = rows + 2;
      T *source = SCRATCH(T, rows * source_stride), *target = SCRATCH(T, columns * target_stride);
      for (long i = 0; i < rows * source_stride; i++) source[i] = (T)i;
      for (long i = 0; i < columns * target_stride; i++) target[i] = -1;
      S(nt_transpose)(rows, columns, source, source_stride, target, target_stride);
      for (long j = 0; j < columns; j++)
        for (long i = 0; i < target_stride; i++) {
          T want = i < rows ? source[i * source_stride + j] : -1, got = target[j * target_stride + i];
          EXPECT(got == want, "found %g for %g at %ld, %ld of %ld x %ld", (double)got, (double)want, i, j, rows, columns);
        }
    }
}

// Small whole numbers, so that sums in double are exact in any order.
static void S(tile_products)(void) {
  for (long rows = 1; rows <= 70; rows += rows < 10 ? 1 : 15)
    for (long columns = 1; columns <= 85; columns += columns < 10 ? 1 : 15)
      for (long vectors = 1; vectors <= 13; vectors += vectors < 8 ? 1 : 5) {
        long stride = columns + 3, n = larger(rows, columns) + 2;
        T *tile = SCRATCH(T, rows * stride);
        double *x = SCRATCH(double, vectors * n), *by_rows = SCRATCH(double, vectors * n);
        double *by_columns = SCRATCH(double, vectors * n);
        for (long i = 0; i < rows * stride; i++) tile[i] = (T)((i * 7) % 31 - 15);
        for (long i = 0; i < vectors * n; i++) {
          x[i] = (double)((i * 5) % 23 - 11);
          by_rows[i] = by_columns[i] = (double)(i % 3);
        }
        S(nt_tile_times)(rows, columns, tile, stride, vectors, x, n, by_rows, n);
        S(nt_tile_transposed_times)(rows, columns, tile, stride, vectors, x, n, by_columns, n);
        for (long v = 0; v < vectors; v++)
          for (long i = 0; i < n; i++) {
            double row = (double)((v * n + i) % 3), column = row;
            for (long k = 0; k < columns && i < rows; k++) row += (double)tile[i * stride + k] * x[v * n + k];
            for (long k = 0; k < rows && i < columns; k++) column += (double)tile[k * stride + i] * x[v * n + k];
            EXPECT(by_rows[v * n + i] == row && by_columns[v * n + i] == column,
                   "found %g and %g for %g and %g at %ld of vector %ld, %ld x %ld", by_rows[v * n + i],
                   by_columns[v * n + i], row, column, i, v, rows, columns);
          }
      }
}
