// Logistic sigmoid and hyperbolic tangent of vectors, good to about 1e-7.
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

/// (1 - e^-2x) / (1 + e^-2x); near zero, where that would cancel, the odd polynomial of Cephes'
/// tanhf (relative error 1e-7 for |x| < 0.625).
template <class S>
inline typename S::Vec hyperbolic_tangent(typename S::Vec x) {
  using Vec = typename S::Vec;
  const Vec e = exponential<S>(S::all(-2.0f) * x);
  const Vec large = (S::all(1.0f) - e) * S::reciprocal(S::all(1.0f) + e);
  const Vec z = x * x;
  Vec p = S::all(-5.70498872745e-3f);
  p = p * z + S::all(2.06390887954e-2f);
  p = p * z + S::all(-5.37397155531e-2f);
  p = p * z + S::all(1.33314422036e-1f);
  p = p * z + S::all(-3.33332819422e-1f);
  const Vec small = p * z * x + x;
  return z < S::all(0.625f * 0.625f) ? small : large;
}

}  // namespace lockstep
