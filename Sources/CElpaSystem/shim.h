/* Only its flags are used: CDistributed alone includes elpa.h. */
