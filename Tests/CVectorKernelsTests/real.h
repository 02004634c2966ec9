// Before a body that is written once for float and double: T the type, S(name) names with its suffix, UNIT half an ulp of
// one, TOLERANCE what a few roundings of numbers around one make, TYPE its nt_dtype, SLICE_LANES. The body's includer says
// NT_DOUBLE 0 or 1; "real_end.h" forgets.
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#if NT_DOUBLE
#define T double
#define S(name) JOIN(name, _f64)
#define UNIT 0x1p-53
#define TOLERANCE 1e-14
#define TYPE nt_float64
#define SLICE_LANES nt_slice_lanes_f64
#define TYPE_NAME "float64"
#else
#define T float
#define S(name) JOIN(name, _f32)
#define UNIT 0x1p-24
#define TOLERANCE 1e-6
#define TYPE nt_float32
#define SLICE_LANES nt_slice_lanes_f32
#define TYPE_NAME "float32"
#endif
