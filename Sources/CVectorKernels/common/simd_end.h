// Forgets what describes one instruction set, before the next pass.
#undef NT_SUFFIX
#undef NT_VECTOR_BYTES
#undef NT_HAS_FMA
#undef NT_SLEEF_SET
#undef NT_SLEEF_F_LANES
#undef NT_SLEEF_D_LANES
#undef V_FMA
#undef NT_REGISTER
#undef SLEEF_F
#undef SLEEF_D
#undef DECLARE_SLEEF_1
#undef DECLARE_SLEEF_2
