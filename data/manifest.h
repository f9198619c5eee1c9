// What a data set folder holds: `manifest.json`, the trust root of its shards (see FORMAT.md).
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "data/length_histogram.h"
#include "data/signal_info.h"

namespace lockstep {

/// Types a stream can be stored in.
enum class ElementType { u8, i16, i32, i64, f32, f64 };

size_t size_of(ElementType type);
std::string name_of(ElementType type);
/// Throws Error(corrupt) for an unknown name.
ElementType element_type_of(const std::string& name);

/// Whether a name is safe as a file and as an HDF5 link: letters, digits, "_", "-" and ".", no dot
/// first, at most 200 bytes.
bool is_plain_name(const std::string& name);

/// One stream of every sequence. Dense streams have `features` numbers a step, symbol streams one
/// integer a step in [0, num_classes).
struct StreamSchema {
  std::string name;  ///< "inputs", or a target's name
  ElementType element = ElementType::f32;
  int64_t features = 0;  ///< 0: a symbol stream
  double scale = 1.0;    ///< dense value = stored value * scale + offset
  double offset = 0.0;
  int64_t num_classes = 0;          ///< 0: a dense stream
  std::vector<std::string> labels;  ///< names of the classes or the vocabulary; may be empty

  bool is_symbols() const { return features == 0; }
};

struct ShardInfo {
  std::string file;  ///< a plain name inside the folder
  int64_t sequences = 0;
  int64_t bytes = 0;           ///< file size
  std::string sha256;          ///< of the whole file
  std::vector<int64_t> steps;  ///< sum of lengths, one per stream in schema order
};

struct SplitInfo {
  std::string name;  ///< "train", "validation", "test", ...
  std::vector<ShardInfo> shards;
  int64_t sequences = 0;
  int64_t shortest = 0;  ///< of the inputs
  int64_t longest = 0;
  LengthHistogram lengths;  ///< of the inputs; empty where the manifest does not tell
};

/// How the symbols of a stream came from text, so that new text can be read the same way.
struct TextInfo {
  std::string tokens;   ///< "characters", "words" or "sentencepiece"
  std::string end;      ///< the token at the end of each sequence; empty: there is none
  std::string unknown;  ///< the token for all that the vocabulary lacks
  bool lowercase = false;
  bool split_punctuation = false;
  std::string model_file = {};  ///< of sentencepiece: a plain name inside the folder
  std::string model = {};       ///< what that file holds
};

struct Manifest {
  int64_t format_version = 1;
  std::string source;                 ///< what it was made from, in words
  std::vector<StreamSchema> streams;  ///< inputs first, then targets in sorted order of names
  std::vector<SplitInfo> splits;
  std::optional<TextInfo> text;                   ///< when the inputs were text
  std::map<std::string, TextInfo> target_text;    ///< of targets that were text, by name
  std::optional<AudioInfo> audio;                 ///< when they were sound
  std::optional<SymbolsInfo> symbols;             ///< when they were letters of an alphabet
  std::optional<SeriesInfo> series;               ///< when they were windows of a series
  std::optional<LikesInfo> likes;                 ///< when they were items that users like or not
  std::map<std::string, FeatureScaling> scaling;  ///< of dense streams, by name
  /// What each symbol of a stream says of itself (titles of items), by the stream's name.
  std::map<std::string, std::vector<std::string>> symbol_texts;
  /// Symbols from this number on are none that training knows, and have a text; by the stream's
  /// name. A stream that is not here has none of them.
  std::map<std::string, int64_t> known_symbols;

  /// Null when there is none of that name.
  const SplitInfo* find_split(const std::string& name) const;
  const StreamSchema& stream(const std::string& name) const;
  /// How a stream came from text; null when it did not.
  const TextInfo* text_of(const std::string& stream) const;
  /// Hash of the whole manifest: two data sets with the same fingerprint hold the same bytes.
  std::string fingerprint() const;
};

/// Reads and checks `folder`/manifest.json. Throws Error: missing when it is not there, corrupt
/// (with the JSON path) when any value is absent, of a wrong type or out of range, or when a model
/// of sentencepiece is not the one it names.
Manifest read_manifest(const std::filesystem::path& folder);
/// Writes the models of sentencepiece, then manifest.json.
void write_manifest(const std::filesystem::path& folder, const Manifest& manifest);

}  // namespace lockstep
