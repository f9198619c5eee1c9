#include "trainer/recording_inputs.h"

#include "data/audio/features.h"
#include "data/audio/sound_file.h"
#include "data/base/error.h"
#include "data/signal_info_json.h"

namespace lockstep {

using nlohmann::json;

bool reads_recordings(const json& description) {
  return description.contains("audio");
}

std::vector<float> features_of_recording(const json& description,
                                         const std::filesystem::path& file) {
  const std::filesystem::path origin = "the model's description";
  const JsonValue root(description, origin);
  const AudioInfo info = read_audio_info(root.member("audio"));
  FeatureScaling scaling;
  if (root.has("scaling")) {
    scaling = read_feature_scaling(root.member("scaling"), description.at("features"));
  }
  Sound sound = read_sound(file);
  if (sound.sample_rate != info.sample_rate) {
    throw Error(ExitCode::corrupt, fmt::format("{}: has {} Hz, the model reads {} Hz",
                                               file.string(), sound.sample_rate, info.sample_rate));
  }
  return AudioFeatures(info, scaling).compute(std::move(sound.samples));
}

}  // namespace lockstep
