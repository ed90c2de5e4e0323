#ifndef LIBRARY_H
#define LIBRARY_H

// open_library loads the driver, libcuda.so.1, and initializes it, and returns cuInit's result. Where the library cannot be loaded,
// why_not is not empty then. To be called once, before any call that should reach the driver.
int open_library(char *why_not, unsigned long size);

#endif
