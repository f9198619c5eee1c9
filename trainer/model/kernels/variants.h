// The kernels of this folder, one per instruction set.
#pragma once

#include "trainer/model/kernels/lstm_kernel.h"

namespace lockstep {

extern const LstmKernel kLstmPortable;
#if defined(__x86_64__)
extern const LstmKernel kLstmAvx2;
extern const LstmKernel kLstmAvx512;
#endif

}  // namespace lockstep
