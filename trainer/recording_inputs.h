// Recordings as inputs of a model that was trained on sound.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <vector>

namespace lockstep {

/// Whether a model, by its description, was trained on sound.
bool reads_recordings(const nlohmann::json& description);

/// The features of a sound file, frame by frame, as the data set's were computed. Throws Error:
/// missing, or corrupt when it is no sound, or of another sample rate.
std::vector<float> features_of_recording(const nlohmann::json& description,
                                         const std::filesystem::path& file);

}  // namespace lockstep
