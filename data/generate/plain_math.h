// Functions of libm that differ between libraries and processors in the last bit, in plain double
// arithmetic that does not: a data set must have the same bytes wherever it is made.
#pragma once

namespace lockstep {

/// sin(2 pi x) to about 1e-12, for |x| below 2^50. The argument is in turns, so that its
/// reduction is exact.
double sine_of_turns(double x);
inline double cosine_of_turns(double x) {
  return sine_of_turns(x + 0.25);
}

/// e^x to about 1e-13 relative, for |x| at most 700.
double plain_exp(double x);

/// The natural logarithm to about 1e-13, for finite x above zero.
double plain_log(double x);

}  // namespace lockstep
