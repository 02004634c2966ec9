/* Only linked: the vector functions are declared by CVectorKernels, once per instruction set. */
