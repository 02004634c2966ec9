/* Only its flags are used: mpi.h has macros that Swift cannot import, so that CDistributed alone includes it. */
