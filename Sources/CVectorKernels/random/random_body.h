// Threefry words and draws for one instruction set. The order of operations in the draws, and which of them are fused,
// is XLA's on a processor with fused multiply-add, so that draws have JAX's bits.

typedef uint32_t NAME(nt_vu) __attribute__((ext_vector_type(NT_VECTOR_BYTES / 4)));
typedef uint64_t NAME(nt_vul) __attribute__((ext_vector_type(NT_VECTOR_BYTES / 8)));
#define VU NAME(nt_vu)
#define VUL NAME(nt_vul)

// One rounding on every machine, which V_FMA is not: without the instruction this calls the C library.
#undef FUSED
#define FUSED(a, b, c) __builtin_elementwise_fma(a, b, c)

static inline __attribute__((always_inline)) VU NAME(nt_load_u)(const uint32_t *p) {
  VU v;
  memcpy(&v, p, sizeof v);
  return v;
}

// Words of NT_RANDOM_BLOCK pairs from pair `start`. In a draw of an odd number of words the last pair's second counter
// word is zero, and only the first half of it is used.
static inline __attribute__((always_inline)) void NAME(nt_random_block)(
    uint32_t key0, uint32_t key1, size_t half, int is_odd, size_t start, uint32_t *first_words,
    uint32_t *second_words) {
  const uint32_t key2 = key0 ^ key1 ^ NT_THREEFRY_PARITY;
  VU lane;
  for (int i = 0; i < F_LANES; i++) lane[i] = (uint32_t)i;
#define ROUND(by)                        \
  a += b;                                \
  b = (b << (by)) | (b >> (32 - (by)));  \
  b ^= a;
#define FOUR_ROUNDS(r0, r1, r2, r3, inject_a, inject_b) \
  ROUND(r0) ROUND(r1) ROUND(r2) ROUND(r3) a += (inject_a); b += (inject_b);
  for (int i = 0; i < NT_RANDOM_BLOCK; i += F_LANES) {
    VU a = lane + (uint32_t)(start + i) + key0;
    VU b = lane + (uint32_t)(half + start + i) + key1;
    FOUR_ROUNDS(13, 15, 26, 6, key1, key2 + 1)
    FOUR_ROUNDS(17, 29, 16, 24, key2, key0 + 2)
    FOUR_ROUNDS(13, 15, 26, 6, key0, key1 + 3)
    FOUR_ROUNDS(17, 29, 16, 24, key1, key2 + 4)
    FOUR_ROUNDS(13, 15, 26, 6, key2, key0 + 5)
    memcpy(first_words + i, &a, sizeof a);
    memcpy(second_words + i, &b, sizeof b);
  }
#undef ROUND
#undef FOUR_ROUNDS
  if (is_odd && half - 1 >= start && half - 1 < start + NT_RANDOM_BLOCK) {
    uint32_t a = (uint32_t)(half - 1), b = 0;
    nt_threefry_2x32(key0, key1, &a, &b);
    first_words[half - 1 - start] = a;
  }
}

static void NAME(nt_random_words32)(uint32_t key0, uint32_t key1, size_t count, size_t first, size_t last,
                                    uint32_t *out) {
  const size_t half = (count + 1) / 2;
  uint32_t a[NT_RANDOM_BLOCK], b[NT_RANDOM_BLOCK];
  for (size_t start = first; start < last; start += NT_RANDOM_BLOCK) {
    NAME(nt_random_block)(key0, key1, half, count % 2 == 1, start, a, b);
    memcpy(out + start, a, nt_in_first_half(start, last) * sizeof *a);
    memcpy(out + half + start, b, nt_in_second_half(start, last, half, count) * sizeof *b);
  }
}

// The 64-bit words of a block of pairs: the first word is the high one.
static inline __attribute__((always_inline)) void NAME(nt_random_block64)(
    uint32_t key0, uint32_t key1, size_t count, size_t start, uint64_t *words) {
  uint32_t a[NT_RANDOM_BLOCK], b[NT_RANDOM_BLOCK];
  NAME(nt_random_block)(key0, key1, count, 0, start, a, b);
  for (int i = 0; i < NT_RANDOM_BLOCK; i++) words[i] = (uint64_t)a[i] << 32 | b[i];
}

static void NAME(nt_random_words64)(uint32_t key0, uint32_t key1, size_t count, size_t first, size_t last,
                                    uint64_t *out) {
  uint64_t words[NT_RANDOM_BLOCK];
  for (size_t start = first; start < last; start += NT_RANDOM_BLOCK) {
    NAME(nt_random_block64)(key0, key1, count, start, words);
    memcpy(out + start, words, nt_in_first_half(start, last) * sizeof *words);
  }
}

// The random bits become the fraction of a number in [1, 2), from which 1 is subtracted.
static inline __attribute__((always_inline)) VF NAME(nt_unit_f)(const uint32_t *words) {
  VU bits = (NAME(nt_load_u)(words) >> 9) | 0x3F800000u;
  VF x;
  memcpy(&x, &bits, sizeof x);
  return x - 1.0f;
}

static inline __attribute__((always_inline)) VD NAME(nt_unit_d)(const uint64_t *words) {
  VUL bits;
  memcpy(&bits, words, sizeof bits);
  bits = (bits >> 12) | 0x3FF0000000000000ull;
  VD x;
  memcpy(&x, &bits, sizeof x);
  return x - 1.0;
}

// Natural logarithm of numbers in (0, 1]: Cephes' logf with its terms summed three by three.
static inline __attribute__((always_inline)) VF NAME(nt_random_log_f)(VF x) {
  VU bits;
  memcpy(&bits, &x, sizeof bits);
  VI power = (VI)(bits >> 23) - 127;
  VU fraction_bits = (bits & 0x807FFFFFu) | 0x3F000000u;
  VF fraction;
  memcpy(&fraction, &fraction_bits, sizeof fraction);
  VF exponent = __builtin_convertvector(power, VF) + 1.0f;
  VI is_small = fraction < SPLAT_F(0.70710677f);
  exponent -= V_SELECT(is_small, SPLAT_F(1.0f), SPLAT_F(0.0f));
  VF r = (fraction - 1.0f) + V_SELECT(is_small, fraction, SPLAT_F(0.0f));
  VF r2 = r * r, r3 = r2 * r;
  VF p0 = FUSED(r, SPLAT_F(0.0703768358f), SPLAT_F(-0.115146101f));
  VF p1 = FUSED(r, SPLAT_F(-0.12420141f), SPLAT_F(0.142493233f));
  VF p2 = FUSED(r, SPLAT_F(0.200007141f), SPLAT_F(-0.24999994f));
  p0 = FUSED(p0, r, SPLAT_F(0.116769984f));
  p1 = FUSED(p1, r, SPLAT_F(-0.166680574f));
  p2 = FUSED(p2, r, SPLAT_F(0.333333313f));
  VF p = FUSED(FUSED(p0, r3, p1), r3, p2);
  // ln 2 = 0.693359375 - 2.12194440e-4, the first of which times an exponent is exact.
  VF low = FUSED(p, r3, exponent * -2.12194440e-4f);
  VF high = FUSED(r2, SPLAT_F(-0.5f), r);
  return FUSED(exponent, SPLAT_F(0.693359375f), high + low);
}

// log(1 + t) for t in (-1, 0], given the logarithm of 1 + t for the arguments where that is accurate.
// Source: Cephes' log1p: t - t^2/2 + t^3 P(t)/Q(t) for |t| < sqrt(2) - 1.
static inline __attribute__((always_inline)) VF NAME(nt_random_log1p_f)(VF t, VF log_of_sum) {
  VF q = SPLAT_F(1.0f);
  q = FUSED(q, t, SPLAT_F(15.0629091f));
  q = FUSED(q, t, SPLAT_F(83.0475693f));
  q = FUSED(q, t, SPLAT_F(221.762405f));
  q = FUSED(q, t, SPLAT_F(309.098724f));
  q = FUSED(q, t, SPLAT_F(216.427887f));
  q = FUSED(q, t, SPLAT_F(60.11866f));
  VF p = SPLAT_F(4.52700006e-5f);
  p = FUSED(p, t, SPLAT_F(0.498541027f));
  p = FUSED(p, t, SPLAT_F(6.57873249f));
  p = FUSED(p, t, SPLAT_F(29.9119186f));
  p = FUSED(p, t, SPLAT_F(60.9496689f));
  p = FUSED(p, t, SPLAT_F(57.1129646f));
  p = FUSED(p, t, SPLAT_F(20.0395527f));
  VF t2 = t * t;
  VF small = t + FUSED(t * t2, p / q, -(t2 * 0.5f));
  VI is_small = V_ABS(t) < SPLAT_F(0.414213568f);
  return V_SELECT(is_small, small, log_of_sum);
}

static inline __attribute__((always_inline)) VD NAME(nt_random_log1p_d)(VD t, VD log_of_sum) {
  VD q = SPLAT_D(1.0);
  q = FUSED(q, t, SPLAT_D(15.062909083469192));
  q = FUSED(q, t, SPLAT_D(83.047565967967216));
  q = FUSED(q, t, SPLAT_D(221.76239823732857));
  q = FUSED(q, t, SPLAT_D(309.09872225312057));
  q = FUSED(q, t, SPLAT_D(216.42788614495947));
  q = FUSED(q, t, SPLAT_D(60.118660497603841));
  VD p = SPLAT_D(4.5270000862445199e-5);
  p = FUSED(p, t, SPLAT_D(0.49854102823193375));
  p = FUSED(p, t, SPLAT_D(6.5787325942061044));
  p = FUSED(p, t, SPLAT_D(29.911919328553072));
  p = FUSED(p, t, SPLAT_D(60.949667980987787));
  p = FUSED(p, t, SPLAT_D(57.112963590585538));
  p = FUSED(p, t, SPLAT_D(20.039553499201283));
  VD t2 = t * t;
  VD small = t + FUSED(t * t2, p / q, -(t2 * 0.5));
  __auto_type is_small = V_ABS(t) < SPLAT_D(NT_LOG1P_SMALL);
  return V_SELECT(is_small, small, log_of_sum);
}

// sqrt(2) erfinv(u) for |u| < 1, given w = -log(1 - u^2).
// Source: M. Giles, "Approximating the erfinv function", GPU Computing Gems 2 (2010), single precision: relative error
// below 4e-7.
static inline __attribute__((always_inline)) VF NAME(nt_random_quantile_f)(VF u, VF w) {
  VI is_central = -w > SPLAT_F(-5.0f);
  VF x = V_SELECT(is_central, -2.5f + w, V_SQRT(w) - 3.0f);
#define TERM(central, tail) V_SELECT(is_central, SPLAT_F(central), SPLAT_F(tail))
  VF p = TERM(2.81022636e-08f, -0.000200214257f);
  p = FUSED(p, x, TERM(3.43273939e-07f, 0.000100950558f));
  p = FUSED(p, x, TERM(-3.5233877e-06f, 0.00134934322f));
  p = FUSED(p, x, TERM(-4.39150654e-06f, -0.00367342844f));
  p = FUSED(p, x, TERM(0.00021858087f, 0.00573950773f));
  p = FUSED(p, x, TERM(-0.00125372503f, -0.0076224613f));
  p = FUSED(p, x, TERM(-0.00417768164f, 0.00943887047f));
  p = FUSED(p, x, TERM(0.246640727f, 1.00167406f));
  p = FUSED(p, x, TERM(1.50140941f, 2.83297682f));
#undef TERM
  return u * p * 1.41421354f;
}

// Double precision: three ranges of w, relative error below 2e-16 before rounding.
static inline __attribute__((always_inline)) VD NAME(nt_random_quantile_d)(VD u, VD w) {
  __auto_type is_central = -w > SPLAT_D(-6.25);
  __auto_type is_middle = -w > SPLAT_D(-16.0);
  VD root = V_SQRT(w);
  VD x = V_SELECT(is_central, -3.125 + w, root - V_SELECT(is_middle, SPLAT_D(3.25), SPLAT_D(5.0)));
#define TERM(central, middle, tail) \
  V_SELECT(is_central, SPLAT_D(central), V_SELECT(is_middle, SPLAT_D(middle), SPLAT_D(tail)))
  VD p = TERM(-3.6444120640178196921e-21, 2.2137376921775787049e-09, -2.7109920616438573243e-11);
  p = FUSED(p, x, TERM(-1.685059138182016589e-19, 9.0756561938885390979e-08, -2.5556418169965252055e-10));
  p = FUSED(p, x, TERM(1.2858480715256400167e-18, -2.7517406297064545428e-07, 1.5076572693500548083e-09));
  p = FUSED(p, x, TERM(1.115787767802518096e-17, 1.8239629214389227755e-08, -3.7894654401267369937e-09));
  p = FUSED(p, x, TERM(-1.333171662854620906e-16, 1.5027403968909827627e-06, 7.6157012080783393804e-09));
  p = FUSED(p, x, TERM(2.0972767875968561637e-17, -4.013867526981545969e-06, -1.4960026627149240478e-08));
  p = FUSED(p, x, TERM(6.6376381343583238325e-15, 2.9234449089955446044e-06, 2.9147953450901080826e-08));
  p = FUSED(p, x, TERM(-4.0545662729752068639e-14, 1.2475304481671778723e-05, -6.7711997758452339498e-08));
  p = FUSED(p, x, TERM(-8.1519341976054721522e-14, -4.7318229009055733981e-05, 2.2900482228026654717e-07));
  p = FUSED(p, x, TERM(2.6335093153082322977e-12, 6.8284851459573175448e-05, -9.9298272942317002539e-07));
  p = FUSED(p, x, TERM(-1.2975133253453532498e-11, 2.4031110387097893999e-05, 4.5260625972231537039e-06));
  p = FUSED(p, x, TERM(-5.4154120542946279317e-11, -0.0003550375203628474796, -1.9681778105531670567e-05));
  p = FUSED(p, x, TERM(1.051212273321532285e-09, 0.00095328937973738049703, 7.5995277030017761139e-05));
  p = FUSED(p, x, TERM(-4.1126339803469836976e-09, -0.0016882755560235047313, -0.00021503011930044477347));
  p = FUSED(p, x, TERM(-2.9070369957882005086e-08, 0.0024914420961078508066, -0.00013871931833623122026));
  p = FUSED(p, x, TERM(4.2347877827932403518e-07, -0.0037512085075692412107, 1.0103004648645343977));
  p = FUSED(p, x, TERM(-1.3654692000834678645e-06, 0.005370914553590063617, 4.8499064014085844221));
  // The tail's polynomial ends here, the middle one two terms later, the central one six terms later.
  VD longer = FUSED(p, x, TERM(-1.3882523362786468719e-05, 1.0052589676941592334, 0.0));
  p = V_SELECT(is_middle, longer, p);
  longer = FUSED(p, x, TERM(0.0001867342080340571352, 3.0838856104922207635, 0.0));
  p = V_SELECT(is_middle, longer, p);
#undef TERM
  longer = FUSED(p, x, SPLAT_D(-0.00074070253416626697512));
  longer = FUSED(longer, x, SPLAT_D(-0.0060336708714301490533));
  longer = FUSED(longer, x, SPLAT_D(0.24015818242558961693));
  longer = FUSED(longer, x, SPLAT_D(1.6536545626831027356));
  p = V_SELECT(is_central, longer, p);
  return u * p * 1.4142135623730951;
}

static inline __attribute__((always_inline)) VF NAME(nt_uniform_f)(const uint32_t *words, VF minimum, VF span) {
  return V_MAX(minimum, FUSED(NAME(nt_unit_f)(words), span, minimum));
}

static inline __attribute__((always_inline)) VF NAME(nt_normal_f)(const uint32_t *words) {
  // Uniform on (-1, 1): the lower end is the number after -1.
  VF u = NAME(nt_uniform_f)(words, SPLAT_F(-0x1.fffffep-1f), SPLAT_F(2.0f));
  VF t = u * -u;
  return NAME(nt_random_quantile_f)(u, -NAME(nt_random_log1p_f)(t, NAME(nt_random_log_f)(t + 1.0f)));
}

// Maps the words of a block in place, and copies what belongs to the draw.
#define FILL_32(draw)                                                                                    \
  const size_t half = (count + 1) / 2;                                                                   \
  uint32_t a[NT_RANDOM_BLOCK], b[NT_RANDOM_BLOCK];                                                       \
  float x[NT_RANDOM_BLOCK], y[NT_RANDOM_BLOCK];                                                          \
  for (size_t start = first; start < last; start += NT_RANDOM_BLOCK) {                                   \
    NAME(nt_random_block)(key0, key1, half, count % 2 == 1, start, a, b);                                \
    const uint32_t *words = a;                                                                           \
    for (int i = 0; i < NT_RANDOM_BLOCK; i += F_LANES) STORE_F(x + i, draw(words + i));                  \
    words = b;                                                                                           \
    for (int i = 0; i < NT_RANDOM_BLOCK; i += F_LANES) STORE_F(y + i, draw(words + i));                  \
    memcpy(out + start, x, nt_in_first_half(start, last) * sizeof *x);                                   \
    memcpy(out + half + start, y, nt_in_second_half(start, last, half, count) * sizeof *y);              \
  }

static void NAME(nt_random_uniform_f)(uint32_t key0, uint32_t key1, size_t count, size_t first, size_t last,
                                      float minimum, float maximum, float *out) {
  VF low = SPLAT_F(minimum), span = SPLAT_F(maximum - minimum);
#define DRAW(words) NAME(nt_uniform_f)(words, low, span)
  FILL_32(DRAW)
#undef DRAW
}

static void NAME(nt_random_normal_f)(uint32_t key0, uint32_t key1, size_t count, size_t first, size_t last,
                                     float *out) {
  FILL_32(NAME(nt_normal_f))
}
#undef FILL_32

static inline __attribute__((always_inline)) VD NAME(nt_uniform_d)(const uint64_t *words, VD minimum, VD span) {
  return V_MAX(minimum, FUSED(NAME(nt_unit_d)(words), span, minimum));
}

static void NAME(nt_random_uniform_d)(uint32_t key0, uint32_t key1, size_t count, size_t first, size_t last,
                                      double minimum, double maximum, double *out) {
  VD low = SPLAT_D(minimum), span = SPLAT_D(maximum - minimum);
  uint64_t words[NT_RANDOM_BLOCK];
  double x[NT_RANDOM_BLOCK];
  for (size_t start = first; start < last; start += NT_RANDOM_BLOCK) {
    NAME(nt_random_block64)(key0, key1, count, start, words);
    for (int i = 0; i < NT_RANDOM_BLOCK; i += D_LANES) STORE_D(x + i, NAME(nt_uniform_d)(words + i, low, span));
    memcpy(out + start, x, nt_in_first_half(start, last) * sizeof *x);
  }
}

static void NAME(nt_random_normal_d)(uint32_t key0, uint32_t key1, size_t count, size_t first, size_t last,
                                     double *out) {
  uint64_t words[NT_RANDOM_BLOCK];
  double u[NT_RANDOM_BLOCK], logs[NT_RANDOM_BLOCK], x[NT_RANDOM_BLOCK];
  for (size_t start = first; start < last; start += NT_RANDOM_BLOCK) {
    NAME(nt_random_block64)(key0, key1, count, start, words);
    for (int i = 0; i < NT_RANDOM_BLOCK; i += D_LANES)
      STORE_D(u + i, NAME(nt_uniform_d)(words + i, SPLAT_D(-0x1.fffffffffffffp-1), SPLAT_D(2.0)));
    nt_random_logs(u, logs);
    for (int i = 0; i < NT_RANDOM_BLOCK; i += D_LANES) {
      VD v = LOAD_D(u + i);
      VD w = -NAME(nt_random_log1p_d)(v * -v, LOAD_D(logs + i));
      STORE_D(x + i, NAME(nt_random_quantile_d)(v, w));
    }
    memcpy(out + start, x, nt_in_first_half(start, last) * sizeof *x);
  }
}

#undef VU
#undef VUL
