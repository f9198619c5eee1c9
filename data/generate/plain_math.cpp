#include "data/generate/plain_math.h"

#include <cmath>
#include <numbers>

namespace lockstep {

// floor, frexp and ldexp are exact everywhere.

double sine_of_turns(double x) {
  x -= std::floor(x + 0.5);  // [-0.5, 0.5)
  if (x > 0.25) x = 0.5 - x;
  if (x < -0.25) x = -0.5 - x;
  const double angle = x * (2 * std::numbers::pi);  // at most pi / 2
  const double square = angle * angle;
  double sum = 1;
  for (int n = 19; n >= 3; n -= 2) sum = 1 - square / (n * (n - 1)) * sum;
  return angle * sum;
}

double plain_exp(double x) {
  const double halves = std::floor(x / std::numbers::ln2 + 0.5);
  const double rest = x - halves * std::numbers::ln2;  // at most ln(2) / 2
  double sum = 1;
  for (int n = 14; n >= 1; --n) sum = 1 + rest / n * sum;
  return std::ldexp(sum, static_cast<int>(halves));
}

double plain_log(double x) {
  int exponent = 0;
  double mantissa = std::frexp(x, &exponent);  // [0.5, 1)
  if (mantissa < std::numbers::sqrt2 / 2) {
    mantissa *= 2;
    --exponent;
  }
  // log(m) = 2 artanh((m - 1) / (m + 1)), whose argument is at most 0.172.
  const double ratio = (mantissa - 1) / (mantissa + 1);
  const double square = ratio * ratio;
  double sum = 0;
  for (int n = 19; n >= 1; n -= 2) sum = sum * square + 1.0 / n;
  return exponent * std::numbers::ln2 + 2 * ratio * sum;
}

}  // namespace lockstep
