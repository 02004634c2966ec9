// NeuralTangents for other languages.
//
// Networks, jobs and results are opaque handles; arrays are row-major and contiguous. No function ends the process for
// what it is given, as long as pointers point to what they say: mistakes come back as an nt_error, whose message is one sentence
// that says where, what was expected and what was found.
//
// What takes time is a job. It is made (which checks everything and computes nothing), started, waited for in slices of the
// caller's choice, and gives its results. A job keeps copies of what it was given, and computes on a thread of its own, so a
// handle may be freed at any time: the work then ends by itself.
//
// All functions may be called from any thread; one handle may be used by several threads at once, except while it is freed.
#ifndef NEURAL_TANGENTS_H
#define NEURAL_TANGENTS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Changes whenever a caller has to change.
#define NT_ABI_VERSION 1

enum { NT_FLOAT32 = 0, NT_FLOAT64 = 1, NT_INT32 = 2, NT_BOOL = 3 };

// What kind of mistake it is.
enum {
  NT_NO_ERROR = 0,
  // An argument that no network or array has: a null pointer, a negative size, an unknown code.
  NT_ARGUMENT = 1,
  // A network, or what it was given, has to change.
  NT_MISMATCH = 2,
  // Less memory than is needed.
  NT_MEMORY = 3,
  // Numbers for which linear algebra fails: not positive definite, not finite.
  NT_NUMERICAL = 4,
  NT_CANCELLED = 5,
};

typedef struct nt_error {
  int32_t kind;
  // To be freed with nt_string_free; NULL without an error.
  char *message;
} nt_error;

typedef struct nt_array {
  const void *data;
  int32_t dtype;
  int32_t rank;
  const int64_t *shape;
} nt_array;

// Arrays in nested lists. `structure` has a dot for each array and brackets around lists: "." is one array, "[.[..]]" a list of
// one array and a list of two.
//
// For parameters there is a number in place of the dots: how many arrays one layer has. "[2,0,[2,1]]" is a layer with two, one
// without any, and a list of a layer with two and one with one.
typedef struct nt_tree {
  const char *structure;
  const nt_array *leaves;
  int64_t count;
} nt_tree;

typedef struct nt_network nt_network;
typedef struct nt_job nt_job;
typedef struct nt_values nt_values;

int32_t nt_abi_version(void);
// JSON about the library and the machine; to be freed with nt_string_free.
char *nt_info(void);
void nt_string_free(char *string);
// Threads to compute with from now on, at least 1; processors of the machine where it was never called.
void nt_set_threads(int64_t count);
int64_t nt_threads(void);

// ---------------------------------------------------------------------------------------------------- Networks

// The network that JSON text describes; NULL and an error when it describes none.
nt_network *nt_network_parse(const char *json, nt_error *error);
void nt_network_free(nt_network *network);
// The network as JSON; NULL and an error when it holds what no file can.
char *nt_network_json(const nt_network *network, nt_error *error);
// Shapes of the outputs as JSON, given those of the inputs: [8, 3], or [[8, 3], [8, 4]] for a network with two inputs.
char *nt_network_output_shape(const nt_network *network, const char *shapes, nt_error *error);

// ---------------------------------------------------------------------------------------------------- Functions of the caller

enum { NT_FUNCTION = 0, NT_DUAL = 1, NT_DERIVATIVE_DUAL = 2 };

// Computes an activation of the caller's, of number `id`, element by element: the function of `a`, or its dual or derivative dual
// of covariances `a` and variances `b` and `c`; `count` of them. It returns 0, or another number for an error, and may be called
// from any thread, of several jobs at once.
typedef int32_t (*nt_callback)(
  int64_t id, int32_t part, int64_t count, const double *a, const double *b, const double *c, double *result);

// Says what to call for nodes {"externalActivation": {"id", "hasFunction", "hasDual", "hasDerivativeDual"}}, which there are
// from then on; the only function of this interface that makes it call back.
void nt_set_callback(nt_callback callback);

// ---------------------------------------------------------------------------------------------------- Jobs

enum { NT_RUNNING = 0, NT_DONE = 1, NT_FAILED = 2, NT_STOPPED = 3, NT_NOT_STARTED = 4 };

// Begins to compute; false (0) and an error when the job was started before or the system gives no thread.
int32_t nt_job_start(nt_job *job, nt_error *error);
// Waits for the end, for some milliseconds at most, and says how the job is. `done` and `total` are how much of its work it has
// done, in pieces of its own; either may be NULL. After the end it goes on saying how the job ended.
int32_t nt_job_wait(nt_job *job, int64_t milliseconds, int64_t *done, int64_t *total);
// Asks the job to end at the next piece of its work, within about a second; a factorisation that has begun is finished first.
void nt_job_cancel(nt_job *job);
// Types and shapes of the results as JSON, before there are any: {"arrays": [{"name", "dtype", "shape"}], …}. Only kernels say
// theirs; of other jobs "arrays" is empty.
char *nt_job_description(const nt_job *job);
// The results of a job that is done, which the caller frees; NULL and an error for one that is not, or failed.
nt_values *nt_job_values(const nt_job *job, nt_error *error);
void nt_job_free(nt_job *job);

// Named arrays, and JSON about them.
int64_t nt_values_count(const nt_values *values);
// The name of an array; valid while `values` is.
const char *nt_values_name(const nt_values *values, int64_t index);
// An array; its data and shape are valid while `values` is, and may not be written to. False (0) when there is no such array.
int32_t nt_values_array(const nt_values *values, int64_t index, nt_array *array);
// Copies the elements of an array to memory of the caller, which has to be `size` bytes: the size of the array.
int32_t nt_values_copy(const nt_values *values, int64_t index, void *memory, int64_t size, nt_error *error);
// JSON about the arrays; valid while `values` is.
const char *nt_values_json(const nt_values *values);
void nt_values_free(nt_values *values);

// ---------------------------------------------------------------------------------------------------- Kernels

enum { NT_NNGP = 1, NT_NTK = 2 };
enum { NT_AUTOMATIC = 0, NT_REFERENCE = 1, NT_FUSED = 2 };

// All zeros but for `kernels` are the defaults.
typedef struct nt_options {
  // NT_NNGP, NT_NTK, or both added.
  int32_t kernels;
  // NT_AUTOMATIC and so on.
  int32_t executor;
  // Whether to leave out covariances between different positions of the outputs.
  int32_t only_diagonal_positions;
  // Whether to return covariances between different inputs of one data set, too.
  int32_t full_batch;
  // 0: that of the data; otherwise NT_FLOAT32 + 1 or NT_FLOAT64 + 1.
  int32_t precision;
  // Whether inputs equal to mask_constant, which may be NaN, are missing.
  int32_t has_mask_constant;
  double mask_constant;
  // Threads at most; 0: nt_threads.
  int64_t threads;
  // Rows and columns of a tile; 0: about a second of work.
  int64_t tile_size;
  // Randomness of layers such as dropout.
  int32_t has_key;
  uint32_t key[2];
} nt_options;

// The kernels between two data sets, or of one with itself where x2 is NULL. Patterns are the graphs of the inputs, for
// aggregate; NULL where there are none. Results: nngp, ntk, cov1, cov2, mask1 and mask2 of each output as far as it has them,
// named "0.nngp" and so on; JSON: {"structure": ".", "outputs": [{"shape1", "shape2", "batchAxis", "channelAxis",
// "isGaussian", "isSymmetric", "diagonalPositions", "fullBatch"}]}.
nt_job *nt_kernel_job(
  const nt_network *network, const nt_tree *x1, const nt_tree *x2, const nt_array *pattern1, const nt_array *pattern2,
  const nt_options *options, nt_error *error);

// A kernel that some network gave, to go through further layers. Arrays that are not there have data NULL.
typedef struct nt_kernel {
  nt_array nngp, ntk, cov1, cov2, mask1, mask2;
  // Shapes of the activations, of `rank` sizes.
  const int64_t *shape1, *shape2;
  int32_t rank;
  int32_t batch_axis, channel_axis;
  int32_t is_gaussian, is_symmetric, diagonal_positions, full_batch;
} nt_kernel;

// The kernels after further layers, from those before them, in the order of `structure`. Results as those of nt_kernel_job.
nt_job *nt_composition_job(
  const nt_network *network, const char *structure, const nt_kernel *kernels, int64_t count, const nt_array *pattern1,
  const nt_array *pattern2, const nt_options *options, nt_error *error);

// Cotangents (or, where the function says so, tangents) of kernels; NULL data counts as zero.
typedef struct nt_kernel_arrays {
  nt_array nngp, ntk, cov1, cov2;
} nt_kernel_arrays;

// What spares a derivative work.
typedef struct nt_gradient_hints {
  // The NNGP of the network {"identity": {}} for the same inputs, of a network with one input without positions, if it is there.
  nt_array products;
  // Whether nobody asks for the gradient in x1, and for that in x2, which may then be zero.
  int32_t skips_x1, skips_x2;
} nt_gradient_hints;

// The transposed derivative of a network's kernels in its inputs. Results: the gradients "x1.0", … and, where x2 is given,
// "x2.0", …. One output. `hints` may be NULL.
nt_job *nt_kernel_vjp_job(
  const nt_network *network, const nt_tree *x1, const nt_tree *x2, const nt_array *pattern1, const nt_array *pattern2,
  const nt_kernel_arrays *cotangents, const nt_gradient_hints *hints, const nt_options *options, nt_error *error);

// The derivative of a network's kernels along tangents of its inputs. Results: nngp, ntk, cov1, cov2, and their tangents,
// "nngp.tangent" and so on. One output.
nt_job *nt_kernel_jvp_job(
  const nt_network *network, const nt_tree *x1, const nt_tree *x2, const nt_tree *tangent1, const nt_tree *tangent2,
  const nt_array *pattern1, const nt_array *pattern2, const nt_options *options, nt_error *error);

// ---------------------------------------------------------------------------------------------------- Finite networks

// Random parameters for inputs of these shapes (JSON as for nt_network_output_shape). dtype: NT_FLOAT32 or NT_FLOAT64. Results:
// the arrays of all layers, in order; JSON: {"structure": "[2,0]", "outputShapes": …}.
nt_job *nt_initialize_job(
  const nt_network *network, const char *shapes, uint32_t key0, uint32_t key1, int32_t dtype, nt_error *error);

// Outputs. Results: "0", "1", …, and "mask.0", … of those that have masks; JSON: {"structure"}.
nt_job *nt_apply_job(
  const nt_network *network, const nt_tree *parameters, const nt_tree *x, const nt_array *pattern, const nt_options *options,
  nt_error *error);

// The transposed derivative of the outputs: cotangents of the outputs to those of parameters and inputs. Results: "parameters.0",
// …, "x.0", ….
nt_job *nt_apply_vjp_job(
  const nt_network *network, const nt_tree *parameters, const nt_tree *x, const nt_array *pattern, const nt_tree *cotangents,
  const nt_options *options, nt_error *error);

// The Taylor polynomial of the outputs in the parameters, about `parameters`, at `moved`; order 1 is the linearized network. One
// input and one output. Results: "0".
nt_job *nt_taylor_job(
  const nt_network *network, const nt_tree *parameters, const nt_tree *moved, int64_t order, const nt_tree *x,
  const nt_array *pattern, const nt_options *options, nt_error *error);

enum { NT_AUTOMATIC_DERIVATIVES = 0, NT_JACOBIAN_CONTRACTION = 1, NT_VECTOR_PRODUCTS = 2, NT_STRUCTURED_DERIVATIVES = 3 };

// What becomes of the axes of outputs in kernels: nothing of trace axes, over which kernels are means, one axis of diagonal ones,
// and a pair of all others.
typedef struct nt_axes {
  const int64_t *trace, *diagonal;
  int32_t trace_count, diagonal_count;
  // NT_AUTOMATIC_DERIVATIVES and so on.
  int32_t implementation;
} nt_axes;

// The kernels of one finite network. Results: nngp, and ntk if options ask for it. Layers with randomness see the same numbers in
// both data sets.
nt_job *nt_empirical_job(
  const nt_network *network, const nt_tree *parameters, const nt_tree *x1, const nt_tree *x2, const nt_array *pattern1,
  const nt_array *pattern2, const nt_axes *axes, const nt_options *options, nt_error *error);

// The product of the tangent kernel of one finite network with a vector of the shape of the outputs for x2. Results: "0", of the
// shape of the outputs for x1.
nt_job *nt_tangent_product_job(
  const nt_network *network, const nt_tree *parameters, const nt_tree *x1, const nt_tree *x2, const nt_array *pattern1,
  const nt_array *pattern2, const nt_array *vector, const nt_options *options, nt_error *error);

// The kernels of finite networks averaged over `samples` random ones. Results: nngp, ntk, cov1, cov2 and their standard errors,
// "nngp.error" and so on.
nt_job *nt_monte_carlo_job(
  const nt_network *network, const nt_tree *x1, const nt_tree *x2, const nt_array *pattern1, const nt_array *pattern2,
  uint32_t key0, uint32_t key1, int64_t samples, const nt_options *options, nt_error *error);

// ---------------------------------------------------------------------------------------------------- Inference

enum { NT_ENSEMBLE_NNGP = 0, NT_ENSEMBLE_NTK = 1, NT_ENSEMBLE_NTKGP = 2 };
enum { NT_MEAN_ONLY = 0, NT_VARIANCES = 1, NT_COVARIANCE = 2 };

typedef struct nt_ensemble {
  // NT_ENSEMBLE_NNGP and so on.
  int32_t kind;
  // NT_MEAN_ONLY and so on.
  int32_t covariance;
  double learning_rate;
  double regularizer;
  // Whether the regularizer is a number as it is, and not one relative to the mean diagonal.
  int32_t is_absolute;
  // Training times, `time_count` of them; NULL for infinity alone.
  const double *times;
  int64_t time_count;
} nt_ensemble;

// Predictions of the infinite ensemble of a network at x_test, trained on x_train and y_train. Results: mean, and covariance or
// variance.
nt_job *nt_prediction_job(
  const nt_network *network, const nt_array *x_train, const nt_array *y_train, const nt_array *x_test,
  const nt_ensemble *ensemble, const nt_options *options, nt_error *error);

// Kernels to predict with; arrays that are not there have data NULL. With NT_VARIANCES the test-test kernels are their diagonals.
typedef struct nt_prediction_kernels {
  nt_array train_train_nngp, train_train_ntk, test_train_nngp, test_train_ntk, test_test_nngp, test_test_ntk;
} nt_prediction_kernels;

// The same from kernels.
nt_job *nt_kernel_prediction_job(
  const nt_prediction_kernels *kernels, const nt_array *y_train, const nt_ensemble *ensemble, const nt_options *options,
  nt_error *error);

typedef struct nt_fit {
  // Whether the NTK is the covariance, in place of the NNGP.
  int32_t uses_ntk;
  // Whether all weights share one factor and all biases another.
  int32_t is_tied;
  int64_t iterations;
  int64_t restarts;
  // Where the noise begins; 0: a tenth of the targets' mean square.
  double noise;
  // Standard deviation of the prior on the logarithms of factors; 0: none.
  double prior_width;
  uint32_t key[2];
} nt_fit;

// Fits the standard deviations of a network and the noise to data by maximum marginal likelihood. Results: none; JSON:
// {"network", "noiseVariance", "initialNoiseVariance", "before", "after", "iterations", "isConverged"}.
nt_job *nt_fit_job(
  const nt_network *network, const nt_array *x, const nt_array *y, const nt_fit *fit, const nt_options *options,
  nt_error *error);

#ifdef __cplusplus
}
#endif

#endif
