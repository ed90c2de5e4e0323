// All the kernels, as one unit: what is compiled to an image.
#include "inputs.cu"
#include "dense.cu"
#include "adam.cu"
#include "rows.cu"
#include "columns.cu"
#include "lists.cu"
