// Checks the C functions from C: numbers of a network whose kernels are known by hand, and what happens to arguments that make no
// sense. Prints a line per mistake; the exit status is 1 when there is one.
#include "neural_tangents.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures;

#define EXPECT(condition)                                              \
  if (!(condition)) {                                                  \
    failures++;                                                        \
    printf("line %d: expected %s\n", __LINE__, #condition);            \
  }

static nt_error error;

// Forgets the error, whose kind it returns.
static int32_t kind(void) {
  int32_t result = error.kind;
  nt_string_free(error.message);
  error.kind = NT_NO_ERROR;
  error.message = NULL;
  return result;
}

// Whether there was an error of this kind, whose message has this text in it.
static int is_error(int32_t expected, const char *text) {
  int found = error.kind == expected && error.message != NULL && strstr(error.message, text) != NULL;
  if (!found) printf("  found error %d: %s\n", error.kind, error.message != NULL ? error.message : "none");
  kind();
  return found;
}

static nt_array array(const double *data, int32_t rank, const int64_t *shape) {
  nt_array result = {data, NT_FLOAT64, rank, shape};
  return result;
}

static int is_close(double found, double expected) { return fabs(found - expected) <= 1e-12 * (1 + fabs(expected)); }

// An array of results by name; its elements are doubles.
static const double *result(const nt_values *values, const char *name) {
  for (int64_t i = 0; i < nt_values_count(values); i++) {
    nt_array found;
    if (strcmp(nt_values_name(values, i), name) == 0 && nt_values_array(values, i, &found)) return found.data;
  }
  printf("  no result %s\n", name);
  failures++;
  return NULL;
}

static nt_values *run(nt_job *job) {
  EXPECT(job != NULL);
  if (job == NULL) {
    printf("  %s\n", error.message);
    kind();
    exit(1);
  }
  EXPECT(nt_job_wait(job, 0, NULL, NULL) == NT_NOT_STARTED);
  EXPECT(nt_job_values(job, &error) == NULL && is_error(NT_ARGUMENT, "one that has ended"));
  EXPECT(nt_job_start(job, &error));
  EXPECT(!nt_job_start(job, &error) && is_error(NT_ARGUMENT, "one that was not started"));
  while (nt_job_wait(job, 50, NULL, NULL) == NT_RUNNING) {
  }
  EXPECT(nt_job_wait(job, 0, NULL, NULL) == NT_DONE);
  nt_values *values = nt_job_values(job, &error);
  EXPECT(values != NULL);
  nt_job_free(job);
  return values;
}

static const char *linear = "{\"dense\": {\"width\": 2, \"weightStd\": 2, \"biasStd\": 3}}";
static const double x1_data[] = {1, 2, 3, 4, 5, 6}, x2_data[] = {1, 0, -1};
static const int64_t x1_shape[] = {2, 3}, x2_shape[] = {1, 3};
static nt_options options = {.kernels = NT_NNGP | NT_NTK};

static nt_network *network(const char *json) {
  nt_network *result = nt_network_parse(json, &error);
  EXPECT(result != NULL);
  return result;
}

static void check_kernels(void) {
  nt_network *dense = network(linear);
  nt_array x1 = array(x1_data, 2, x1_shape), x2 = array(x2_data, 2, x2_shape);
  nt_tree first = {".", &x1, 1}, second = {".", &x2, 1};
  nt_job *job = nt_kernel_job(dense, &first, &second, NULL, NULL, &options, &error);
  char *description = nt_job_description(job);
  EXPECT(strstr(description, "\"shape\": [2, 1]") != NULL);
  nt_string_free(description);
  nt_values *values = run(job);
  // σw² x·x′/3 + σb², and for the tangent kernel K and σw² times that of the input, which is none.
  const double *nngp = result(values, "0.nngp"), *ntk = result(values, "0.ntk"), *cov1 = result(values, "0.cov1");
  EXPECT(is_close(nngp[0], 4.0 * (1 - 3) / 3 + 9) && is_close(nngp[1], 4.0 * (4 - 6) / 3 + 9));
  EXPECT(is_close(ntk[0], nngp[0]) && is_close(ntk[1], nngp[1]));
  EXPECT(is_close(cov1[1], 4.0 * 77 / 3 + 9));
  EXPECT(strstr(nt_values_json(values), "\"isGaussian\": true") != NULL);
  double copy[2] = {0, 0};
  EXPECT(nt_values_copy(values, 0, copy, sizeof copy, &error) && copy[0] == nngp[0]);
  EXPECT(!nt_values_copy(values, 0, copy, 8, &error) && is_error(NT_ARGUMENT, "16 bytes"));
  EXPECT(!nt_values_copy(values, 99, copy, 8, &error) && kind() == NT_ARGUMENT);

  // The same kernel goes on through the layer: σw² K + σb².
  int64_t shape1[] = {2, 2}, shape2[] = {1, 2}, n1[] = {2}, n2[] = {1}, pair[] = {2, 1};
  nt_kernel kernel = {
    .nngp = array(nngp, 2, pair), .ntk = array(ntk, 2, pair), .cov1 = array(cov1, 1, n1),
    .cov2 = array(result(values, "0.cov2"), 1, n2), .shape1 = shape1, .shape2 = shape2, .rank = 2, .channel_axis = 1,
    .is_gaussian = 1};
  nt_values *next = run(nt_composition_job(dense, ".", &kernel, 1, NULL, NULL, &options, &error));
  EXPECT(is_close(result(next, "0.nngp")[0], 4 * nngp[0] + 9));
  EXPECT(is_close(result(next, "0.ntk")[0], 4 * ntk[0] + 4 * nngp[0] + 9));
  nt_values_free(next);
  kernel.rank = 3;
  int64_t longer[] = {2, 2, 2};
  kernel.shape1 = kernel.shape2 = longer;
  EXPECT(nt_composition_job(dense, ".", &kernel, 1, NULL, NULL, &options, &error) == NULL && is_error(NT_MISMATCH, "nngp"));
  EXPECT(nt_composition_job(dense, "[..]", &kernel, 1, NULL, NULL, &options, &error) == NULL && kind() != NT_NO_ERROR);

  // Derivatives: of Σ K in x1, σw² x2 / 3; along x1 itself, σw² x1·x2 / 3.
  const double ones[] = {1, 1};
  nt_kernel_arrays cotangents = {.nngp = array(ones, 2, pair)};
  nt_values *gradients = run(nt_kernel_vjp_job(dense, &first, &second, NULL, NULL, &cotangents, NULL, &options, &error));
  EXPECT(is_close(result(gradients, "x1.0")[0], 4.0 / 3) && is_close(result(gradients, "x1.0")[2], -4.0 / 3));
  EXPECT(is_close(result(gradients, "x2.0")[0], 4.0 * (1 + 4) / 3));
  nt_values_free(gradients);
  // Given the products of the inputs, which count where they are given, and without the gradient in x2.
  nt_network *identity = network("{\"identity\": {}}");
  nt_values *products = run(nt_kernel_job(identity, &first, &second, NULL, NULL, &options, &error));
  nt_gradient_hints hints = {.products = array(result(products, "0.nngp"), 2, pair), .skips_x2 = 1};
  gradients = run(nt_kernel_vjp_job(dense, &first, &second, NULL, NULL, &cotangents, &hints, &options, &error));
  EXPECT(is_close(result(gradients, "x1.0")[0], 4.0 / 3) && is_close(result(gradients, "x1.0")[2], -4.0 / 3));
  EXPECT(result(gradients, "x2.0")[0] == 0);
  nt_values_free(gradients);
  hints.products.shape = x1_shape;
  EXPECT(
    nt_kernel_vjp_job(dense, &first, &second, NULL, NULL, &cotangents, &hints, &options, &error) == NULL
    && is_error(NT_MISMATCH, "products: expected shape [2, 1], found [2, 3]"));
  nt_values_free(products);
  nt_network_free(identity);
  nt_values *along = run(nt_kernel_jvp_job(dense, &first, &second, &first, NULL, NULL, NULL, &options, &error));
  EXPECT(is_close(result(along, "nngp.tangent")[0], 4.0 * (1 - 3) / 3));
  nt_values_free(along);
  nt_values_free(values);
  nt_network_free(dense);
}

static void check_finite_networks(void) {
  nt_network *dense = network(linear);
  nt_values *drawn = run(nt_initialize_job(dense, "[2, 3]", 0, 7, NT_FLOAT64, &error));
  EXPECT(nt_values_count(drawn) == 2 && strstr(nt_values_json(drawn), "\"structure\": \"2\"") != NULL);
  nt_array parameters[2];
  for (int i = 0; i < 2; i++) nt_values_array(drawn, i, &parameters[i]);
  const double *w = parameters[0].data, *b = parameters[1].data;
  nt_array x1 = array(x1_data, 2, x1_shape);
  nt_tree inputs = {".", &x1, 1}, tree = {"2", parameters, 2};
  nt_values *outputs = run(nt_apply_job(dense, &tree, &inputs, NULL, &options, &error));
  double expected = 2 / sqrt(3) * (x1_data[0] * w[0] + x1_data[1] * w[2] + x1_data[2] * w[4]) + 3 * b[0];
  EXPECT(is_close(result(outputs, "0")[0], expected));
  const double ones[] = {1, 1, 1, 1};
  int64_t shape[] = {2, 2};
  nt_array one = array(ones, 2, shape);
  nt_tree cotangents = {".", &one, 1};
  nt_values *gradients = run(nt_apply_vjp_job(dense, &tree, &inputs, NULL, &cotangents, &options, &error));
  EXPECT(is_close(result(gradients, "parameters.1")[0], 3 * 2));
  EXPECT(is_close(result(gradients, "parameters.0")[0], 2 / sqrt(3) * (1 + 4)));
  nt_values *expanded = run(nt_taylor_job(dense, &tree, &tree, 1, &inputs, NULL, &options, &error));
  EXPECT(is_close(result(expanded, "0")[0], expected));
  nt_axes axes = {.trace = (const int64_t[]){-1}, .trace_count = 1};
  nt_values *kernel = run(nt_empirical_job(dense, &tree, &inputs, NULL, NULL, NULL, &axes, &options, &error));
  EXPECT(is_close(result(kernel, "ntk")[0], 4.0 * 14 / 3 + 9));
  nt_values *product = run(nt_tangent_product_job(dense, &tree, &inputs, NULL, NULL, NULL, &one, &options, &error));
  EXPECT(is_close(result(product, "0")[0], 4.0 * (14 + 32) / 3 + 18));
  nt_values *mean = run(nt_monte_carlo_job(dense, &inputs, NULL, NULL, NULL, 0, 1, 20, &options, &error));
  EXPECT(is_close(result(mean, "ntk")[0], 4.0 * 14 / 3 + 9) && result(mean, "nngp.error")[0] > 0);
  tree.structure = "[2,0]";
  EXPECT(nt_apply_job(dense, &tree, &inputs, NULL, &options, &error) != NULL);
  tree.structure = "3";
  EXPECT(nt_apply_job(dense, &tree, &inputs, NULL, &options, &error) == NULL && is_error(NT_ARGUMENT, "as many arrays"));
  nt_values *all[] = {drawn, outputs, gradients, expanded, kernel, product, mean};
  for (int i = 0; i < 7; i++) nt_values_free(all[i]);
  nt_network_free(dense);
}

static void check_inference(void) {
  nt_network *dense = network(linear);
  const double x[] = {0, 1, 2, 3}, y[] = {0, 1, 2, 3}, points[] = {1.5};
  int64_t rows[] = {4, 1}, one[] = {1, 1};
  nt_array train = array(x, 2, rows), targets = array(y, 2, rows), test = array(points, 2, one);
  nt_ensemble ensemble = {.kind = NT_ENSEMBLE_NNGP, .covariance = NT_VARIANCES, .learning_rate = 1, .regularizer = 1e-9};
  nt_values *found = run(nt_prediction_job(dense, &train, &targets, &test, &ensemble, &options, &error));
  // A linear prior and data on a line.
  EXPECT(fabs(result(found, "mean")[0] - 1.5) < 1e-4 && fabs(result(found, "variance")[0]) < 1e-4);
  nt_values_free(found);
  const double unit[] = {2, 0, 0, 2}, cross[] = {1, 1}, self[] = {1.25};
  int64_t two[] = {2, 2}, wide[] = {1, 2}, vector[] = {2, 1}, single[] = {1};
  nt_prediction_kernels kernels = {
    .train_train_nngp = array(unit, 2, two), .test_train_nngp = array(cross, 2, wide), .test_test_nngp = array(self, 1, single)};
  nt_array two_targets = array(y, 2, vector);
  ensemble.regularizer = 0;
  found = run(nt_kernel_prediction_job(&kernels, &two_targets, &ensemble, &options, &error));
  EXPECT(is_close(result(found, "mean")[0], 0.5) && is_close(result(found, "variance")[0], 0.25));
  nt_values_free(found);
  nt_fit fit = {.iterations = 20, .prior_width = 3};
  found = run(nt_fit_job(dense, &train, &targets, &fit, &options, &error));
  EXPECT(strstr(nt_values_json(found), "\"noiseVariance\"") != NULL);
  nt_values_free(found);
  ensemble.kind = 9;
  EXPECT(nt_kernel_prediction_job(&kernels, &two_targets, &ensemble, &options, &error) == NULL && is_error(NT_ARGUMENT, "kind"));
  nt_network_free(dense);
}

static int32_t half(
  int64_t id, int32_t part, int64_t count, const double *a, const double *b, const double *c, double *out) {
  (void)id, (void)b, (void)c;
  for (int64_t i = 0; i < count; i++) out[i] = part == NT_DERIVATIVE_DUAL ? 0.25 : a[i] * (part == NT_DUAL ? 0.25 : 0.5);
  return 0;
}

static int32_t failing(
  int64_t id, int32_t part, int64_t count, const double *a, const double *b, const double *c, double *out) {
  (void)id, (void)part, (void)count, (void)a, (void)b, (void)c, (void)out;
  return 1;
}

static void check_callbacks(void) {
  nt_set_callback(half);
  nt_network *net = network(
    "{\"serial\": [{\"dense\": {\"width\": 1}}, {\"externalActivation\": {\"id\": 1, \"hasFunction\": true, \"hasDual\": true, "
    "\"hasDerivativeDual\": true}}, {\"dense\": {\"width\": 1}}]}");
  nt_array x1 = array(x1_data, 2, x1_shape);
  nt_tree inputs = {".", &x1, 1};
  nt_values *values = run(nt_kernel_job(net, &inputs, NULL, NULL, NULL, &options, &error));
  EXPECT(is_close(result(values, "0.nngp")[1], 0.25 * 32 / 3) && is_close(result(values, "0.ntk")[1], 0.5 * 32 / 3));
  nt_values_free(values);
  // A function that is not Swift's has no derivative.
  const double ones[] = {1, 1, 1, 1};
  int64_t shape[] = {2, 2};
  nt_kernel_arrays cotangents = {.nngp = array(ones, 2, shape)};
  nt_job *job = nt_kernel_vjp_job(net, &inputs, NULL, NULL, NULL, &cotangents, NULL, &options, &error);
  EXPECT(nt_job_start(job, &error));
  while (nt_job_wait(job, 50, NULL, NULL) == NT_RUNNING) {
  }
  EXPECT(nt_job_values(job, &error) == NULL && is_error(NT_MISMATCH, "derivative"));
  nt_job_free(job);
  nt_set_callback(failing);
  job = nt_kernel_job(net, &inputs, NULL, NULL, NULL, &options, &error);
  if (job != NULL) {
    nt_job_start(job, &error);
    while (nt_job_wait(job, 50, NULL, NULL) == NT_RUNNING) {
    }
    EXPECT(nt_job_wait(job, 0, NULL, NULL) == NT_FAILED);
    EXPECT(nt_job_values(job, &error) == NULL && is_error(NT_MISMATCH, "an error of it"));
    nt_job_free(job);
  } else {
    EXPECT(is_error(NT_MISMATCH, "an error of it"));
  }
  nt_network_free(net);
}

static void check_cancelling(void) {
  nt_network *net = network(
    "{\"serial\": [{\"repeat\": {\"count\": 30, \"layer\": {\"serial\": [{\"dense\": {\"width\": 3}}, {\"erf\": {}}]}}}, "
    "{\"dense\": {\"width\": 1}}]}");
  int64_t shape[] = {6000, 3};
  double *data = malloc(6000 * 3 * sizeof *data);
  for (int i = 0; i < 18000; i++) data[i] = sin(0.37 * i);
  nt_array x = array(data, 2, shape);
  nt_tree inputs = {".", &x, 1};
  nt_options small = options;
  small.tile_size = 64;
  nt_job *job = nt_kernel_job(net, &inputs, NULL, NULL, NULL, &small, &error);
  EXPECT(nt_job_start(job, &error));
  nt_job_cancel(job);
  int64_t done, total;
  EXPECT(nt_job_wait(job, 60000, &done, &total) == NT_STOPPED);
  EXPECT(done <= total && nt_job_values(job, &error) == NULL && kind() == NT_CANCELLED);
  nt_job_free(job);
  // Work that goes on when nobody waits for it ends by itself.
  job = nt_kernel_job(net, &inputs, NULL, NULL, NULL, &small, &error);
  EXPECT(nt_job_start(job, &error));
  nt_job_free(job);
  free(data);
  nt_network_free(net);
}

// A job that would take minutes ends soon after it was asked to, and says so.
static void expect_end(nt_job *job, const char *name) {
  EXPECT(job != NULL);
  if (job == NULL) {
    printf("  %s: %s\n", name, error.message);
    kind();
    return;
  }
  EXPECT(nt_job_start(job, &error));
  EXPECT(nt_job_wait(job, 700, NULL, NULL) == NT_RUNNING);
  nt_job_cancel(job);
  // Machines that do other things, too, take longer than a second.
  int32_t status = nt_job_wait(job, 15000, NULL, NULL);
  if (status != NT_STOPPED) printf("  %s: status %d\n", name, status);
  EXPECT(status == NT_STOPPED);
  EXPECT(nt_job_values(job, &error) == NULL && is_error(NT_CANCELLED, "cancelled"));
  nt_job_free(job);
}

enum { image_count = 400, image_size = 16 * 16 * 3, row_count = 300, row_size = 3 };

static void check_ending(void) {
  const char *layer = "{\"conv\": {\"channels\": 1, \"window\": [3, 3], \"padding\": \"same\"}}, {\"relu\": {}}";
  char json[2048] = "{\"serial\": [";
  for (int i = 0; i < 12; i++) strcat(strcat(json, layer), ", ");
  strcat(json, "{\"globalAveragePool\": {}}, {\"dense\": {\"width\": 1}}]}");
  nt_network *images = network(json);
  nt_network *rows = network("{\"serial\": [{\"dense\": {\"width\": 1}}, {\"tanh\": {}}, {\"dense\": {\"width\": 1}}]}");
  double *x = malloc(image_count * image_size * sizeof(double)), *ones = malloc(image_count * image_count * sizeof(double));
  for (int i = 0; i < image_count * image_size; i++) x[i] = sin(1.0 * i * i);
  for (int i = 0; i < image_count * image_count; i++) ones[i] = 1;
  int64_t image_shape[] = {image_count, 16, 16, 3}, row_shape[] = {row_count, row_size};
  int64_t image_square[] = {image_count, image_count}, row_square[] = {row_count, row_count};
  nt_array image_array = array(x, 4, image_shape), row_array = array(x, 2, row_shape);
  nt_tree image_tree = {".", &image_array, 1}, row_tree = {".", &row_array, 1};
  expect_end(nt_kernel_job(images, &image_tree, NULL, NULL, NULL, &options, &error), "kernel");

  nt_kernel_arrays image_cotangents = {.ntk = array(ones, 2, image_square)};
  expect_end(
    nt_kernel_vjp_job(images, &image_tree, NULL, NULL, NULL, &image_cotangents, NULL, &options, &error), "gradient of images");
  nt_kernel_arrays row_cotangents = {.ntk = array(ones, 2, row_square)};
  nt_options reference = options;
  reference.executor = NT_REFERENCE;
  expect_end(
    nt_kernel_vjp_job(rows, &row_tree, NULL, NULL, NULL, &row_cotangents, NULL, &reference, &error), "gradient by tensors");
  expect_end(nt_kernel_jvp_job(rows, &row_tree, NULL, &row_tree, NULL, NULL, NULL, &options, &error), "derivative");

  int64_t y_shape[] = {image_count, 1}, row_y_shape[] = {row_count, 1};
  nt_array y = array(x, 2, y_shape), row_y = array(x, 2, row_y_shape);
  nt_ensemble ensemble = {.kind = NT_ENSEMBLE_NTK, .learning_rate = 1, .regularizer = 1e-3};
  expect_end(nt_prediction_job(images, &image_array, &y, &image_array, &ensemble, &options, &error), "prediction");
  nt_fit settings = {.is_tied = 1, .iterations = 100};
  expect_end(nt_fit_job(rows, &row_array, &row_y, &settings, &options, &error), "fit");
  free(x);
  free(ones);
  nt_network_free(images);
  nt_network_free(rows);
}

// None of these may end the process.
static void check_nonsense(void) {
  EXPECT(nt_network_parse(NULL, &error) == NULL && kind() == NT_ARGUMENT);
  EXPECT(nt_network_parse("{", &error) == NULL && kind() == NT_MISMATCH);
  EXPECT(nt_network_parse("\xff", &error) == NULL && kind() == NT_ARGUMENT);
  EXPECT(nt_network_parse("{\"dense\": {\"width\": \"many\"}}", &error) == NULL
         && is_error(NT_MISMATCH, "dense.width: expected an integer of at least 1, found \"many\""));
  EXPECT(nt_network_parse("{\"dense\": {\"width\": 0}}", NULL) == NULL);
  EXPECT(nt_network_json(NULL, &error) == NULL && kind() == NT_ARGUMENT);
  EXPECT(nt_network_output_shape(NULL, "[1, 2]", &error) == NULL && kind() == NT_ARGUMENT);
  EXPECT(nt_job_wait(NULL, 1, NULL, NULL) == NT_FAILED && nt_job_description(NULL) == NULL);
  EXPECT(!nt_job_start(NULL, &error) && kind() == NT_ARGUMENT);
  EXPECT(nt_values_count(NULL) == 0 && nt_values_name(NULL, 0) == NULL && nt_values_json(NULL) == NULL);
  nt_job_cancel(NULL);
  nt_job_free(NULL);
  nt_values_free(NULL);
  nt_network_free(NULL);
  nt_string_free(NULL);
  nt_set_threads(-5);
  EXPECT(nt_threads() == 1);
  nt_set_threads(2);

  nt_network *dense = network(linear);
  const char *shapes[] = {"", "[", "[]", "[-1, 2]", "[1e9, 1e9]", "{}", "[1, [2]]", "[4294967296, 4294967296]", "[2]"};
  for (int i = 0; i < 9; i++) {
    EXPECT(nt_network_output_shape(dense, shapes[i], &error) == NULL && kind() != NT_NO_ERROR);
    EXPECT(nt_initialize_job(dense, shapes[i], 0, 0, NT_FLOAT32, &error) == NULL && kind() != NT_NO_ERROR);
  }
  EXPECT(nt_initialize_job(dense, "[2, 3]", 0, 0, NT_INT32, &error) == NULL && kind() == NT_ARGUMENT);

  nt_array good = array(x1_data, 2, x1_shape);
  int64_t negative[] = {-2, 3}, huge[] = {1LL << 40, 1LL << 40}, none[] = {0, 3};
  nt_array bad[] = {
    {x1_data, 17, 2, x1_shape}, {x1_data, NT_FLOAT64, -1, x1_shape}, {x1_data, NT_FLOAT64, 1000, x1_shape},
    {NULL, NT_FLOAT64, 2, x1_shape}, {x1_data, NT_FLOAT64, 2, NULL}, {x1_data, NT_FLOAT64, 2, negative},
    {x1_data, NT_FLOAT64, 2, huge}, {x1_data, NT_FLOAT64, 2, none}, {x1_data, NT_FLOAT64, 0, NULL}, {x1_data, NT_FLOAT64, 1, x1_shape},
  };
  for (int i = 0; i < 10; i++) {
    nt_tree tree = {".", &bad[i], 1};
    EXPECT(nt_kernel_job(dense, &tree, NULL, NULL, NULL, &options, &error) == NULL && kind() != NT_NO_ERROR);
    nt_kernel_arrays zeros = {{0}};
    EXPECT(nt_kernel_vjp_job(dense, &tree, NULL, NULL, NULL, &zeros, NULL, &options, &error) == NULL && kind() != NT_NO_ERROR);
    EXPECT(nt_monte_carlo_job(dense, &tree, NULL, NULL, NULL, 0, 0, 1, &options, &error) == NULL && kind() != NT_NO_ERROR);
  }
  const char *structures[] = {"", "..", "[.", "]", "[]", "x", "[[[[", NULL};
  for (int i = 0; i < 8; i++) {
    nt_tree tree = {structures[i], &good, 1};
    EXPECT(nt_kernel_job(dense, &tree, NULL, NULL, NULL, &options, &error) == NULL && kind() == NT_ARGUMENT);
  }
  char deep[4096];
  memset(deep, '[', sizeof deep - 1);
  deep[sizeof deep - 1] = 0;
  nt_tree nested = {deep, &good, 1};
  EXPECT(nt_kernel_job(dense, &nested, NULL, NULL, NULL, &options, &error) == NULL && is_error(NT_ARGUMENT, "levels"));
  nt_tree tree = {".", &good, 1};
  nt_options wrong[] = {
    {.kernels = 0}, {.kernels = 9}, {.kernels = 1, .executor = 7}, {.kernels = 1, .precision = 99}, {.kernels = 1, .precision = 3},
    {.kernels = 1, .threads = -1}, {.kernels = 1, .tile_size = -1},
  };
  for (int i = 0; i < 7; i++)
    EXPECT(nt_kernel_job(dense, &tree, NULL, NULL, NULL, &wrong[i], &error) == NULL && kind() != NT_NO_ERROR);
  EXPECT(nt_kernel_job(dense, &tree, NULL, NULL, NULL, NULL, &error) == NULL && kind() == NT_ARGUMENT);
  EXPECT(nt_kernel_job(NULL, &tree, NULL, NULL, NULL, &options, &error) == NULL && kind() == NT_ARGUMENT);
  EXPECT(nt_kernel_job(dense, NULL, NULL, NULL, NULL, &options, &error) == NULL && kind() == NT_ARGUMENT);
  EXPECT(nt_kernel_job(dense, &tree, NULL, NULL, &good, &options, &error) == NULL && kind() == NT_ARGUMENT);
  EXPECT(nt_kernel_vjp_job(dense, &tree, NULL, NULL, NULL, NULL, NULL, &options, &error) == NULL && kind() == NT_ARGUMENT);
  EXPECT(nt_apply_job(dense, NULL, &tree, NULL, &options, &error) == NULL && kind() == NT_ARGUMENT);
  EXPECT(nt_fit_job(dense, &good, &good, NULL, &options, &error) == NULL && kind() == NT_ARGUMENT);
  EXPECT(nt_prediction_job(dense, &good, &good, &good, NULL, &options, &error) == NULL && kind() == NT_ARGUMENT);
  EXPECT(nt_taylor_job(dense, NULL, NULL, -1, &tree, NULL, &options, &error) == NULL && kind() == NT_ARGUMENT);
  nt_network_free(dense);
}

int main(void) {
  EXPECT(nt_abi_version() == NT_ABI_VERSION);
  char *info = nt_info();
  EXPECT(strstr(info, "\"threads\"") != NULL);
  nt_string_free(info);
  check_kernels();
  check_finite_networks();
  check_inference();
  check_callbacks();
  check_cancelling();
  check_ending();
  check_nonsense();
  printf(failures == 0 ? "The C interface: fine\n" : "The C interface: %d mistakes\n", failures);
  return failures != 0;
}
