// T time, F features, S side of a square, W width, C columns.
#include "trainer/tasks/frame_pictures.h"

#include <cmath>

namespace lockstep {

using torch::Tensor;

namespace {

/// Frames as [rows, columns], with a grey column between squares.
Tensor laid_out(const Tensor& frames_TF) {
  const auto side = std::llround(std::sqrt(static_cast<double>(frames_TF.size(1))));
  if (side < 4 || side * side != frames_TF.size(1)) return frames_TF.t();
  const Tensor squares_TSS = frames_TF.view({-1, side, side});
  const Tensor gap_TS1 = torch::full({frames_TF.size(0), side, 1}, 0.5);
  return torch::cat({squares_TSS, gap_TS1}, 2).transpose(0, 1).reshape({side, -1});
}

}  // namespace

Picture picture_of_frames(const Tensor& frames_TF, double low, double high) {
  const double range = high > low ? high - low : 1;
  const Tensor shades_TF = ((frames_TF.cpu().to(torch::kFloat32) - low) / range).clamp(0, 1);
  const Tensor shades_SW = laid_out(shades_TF).mul(255).round().to(torch::kUInt8).contiguous();
  Picture picture(shades_SW.size(1), shades_SW.size(0));
  const uint8_t* shade = shades_SW.const_data_ptr<uint8_t>();
  for (int64_t y = 0; y < picture.height; ++y) {
    for (int64_t x = 0; x < picture.width; ++x, ++shade) picture.set(x, y, *shade, *shade, *shade);
  }
  return picture;
}

}  // namespace lockstep
