// Logistic sigmoid and hyperbolic tangent of vectors, good to 1e-7 and 3e-7.
#pragma once

namespace lockstep {

/// e^x for x in [-87, 87] (clamped): 2^n times a Taylor polynomial on |r| <= ln(2)/2, where
/// x = n ln 2 + r. The remainder of degree 6 is below half a unit in the last place.
template <class S>
inline typename S::Vec exponential(typename S::Vec x) {
  using Vec = typename S::Vec;
  // NaN must come out as NaN: max(a, b) gives b when a is NaN, so x goes second.
  x = S::min(S::all(87.0f), S::max(S::all(-87.0f), x));
  const Vec n = S::round(x * S::all(1.44269504f));
  Vec r = x - n * S::all(0.693359375f);  // ln 2 in two parts, the first one exact in n
  r = r - n * S::all(-2.12194440e-4f);
  Vec p = S::all(1.0f / 720);
  p = p * r + S::all(1.0f / 120);
  p = p * r + S::all(1.0f / 24);
  p = p * r + S::all(1.0f / 6);
  p = p * r + S::all(0.5f);
  p = p * r + S::all(1.0f);
  p = p * r + S::all(1.0f);
  return S::scale(p, n);
}

template <class S>
inline typename S::Vec sigmoid(typename S::Vec x) {
  return S::reciprocal(S::all(1.0f) + exponential<S>(-x));
}

/// A quotient of polynomials (Eigen's ptanh), to 3e-7 of the result also near zero; beyond 7.9 the
/// result is one to rounding.
template <class S>
inline typename S::Vec hyperbolic_tangent(typename S::Vec x) {
  using Vec = typename S::Vec;
  x = S::min(S::all(7.90531110763549805f), S::max(S::all(-7.90531110763549805f), x));
  const Vec z = x * x;
  Vec p = S::all(-2.76076847742355e-16f);
  p = p * z + S::all(2.00018790482477e-13f);
  p = p * z + S::all(-8.60467152213735e-11f);
  p = p * z + S::all(5.12229709037114e-08f);
  p = p * z + S::all(1.48572235717979e-05f);
  p = p * z + S::all(6.37261928875436e-04f);
  p = p * z + S::all(4.89352455891786e-03f);
  Vec q = S::all(1.19825839466702e-06f);
  q = q * z + S::all(1.18534705686654e-04f);
  q = q * z + S::all(2.26843463243900e-03f);
  q = q * z + S::all(4.89352518554385e-03f);
  return x * p * S::reciprocal(q);
}

}  // namespace lockstep
