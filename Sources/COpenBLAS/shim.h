/* Only linked: the routines are declared by CLinearAlgebra, alike for every BLAS. */
