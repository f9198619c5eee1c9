// Fused parameter updates on the GPU: one pass over the flat buffers.
#include "trainer/optimizer_cuda.h"
