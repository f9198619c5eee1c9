#include "data/import/idx.h"

#include <algorithm>
#include <cmath>

#include "data/base/error.h"
#include "data/import/idx_file.h"
#include "data/manifest.h"
#include "data/shard_writer.h"
#include "data/staged_folder.h"

namespace lockstep {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kReportEveryImages = 1000;
constexpr int64_t kLabelsAtOnce = 65536;

/// One of MNIST's two parts: its files, its labels and the number of its images.
struct Part {
  fs::path images;
  fs::path labels_file;
  std::vector<uint8_t> labels;
};

/// The file of a usual name in one of its four spellings; a missing one is added to `missing`.
fs::path find_file(const fs::path& source, const std::string& stem, const std::string& rank,
                   std::vector<std::string>& missing) {
  for (const char* separator : {"-", "."}) {
    for (const char* ending : {"", ".gz"}) {
      const fs::path file = source / (stem + separator + "idx" + rank + "-ubyte" + ending);
      if (fs::is_regular_file(file)) return file;
    }
  }
  missing.push_back(stem + "-idx" + rank + "-ubyte");
  return {};
}

std::vector<uint8_t> read_labels(const fs::path& file) {
  IdxReader reader(file, 1);
  std::vector<uint8_t> labels;
  while (static_cast<int64_t>(labels.size()) < reader.count()) {
    const auto have = static_cast<int64_t>(labels.size());
    const int64_t part = std::min(kLabelsAtOnce, reader.count() - have);
    labels.resize(static_cast<size_t>(have + part));
    reader.read_items(part, labels.data() + have);
  }
  reader.expect_end();
  return labels;
}

std::vector<Part> find_parts(const fs::path& source) {
  if (!fs::is_directory(source)) {
    throw Error(ExitCode::missing, fmt::format("{}: is not a folder", source.string()),
                "give the folder that holds MNIST's four files");
  }
  std::vector<Part> parts;
  std::vector<std::string> missing;
  for (const char* name : {"train", "t10k"}) {
    Part part;
    part.images = find_file(source, fmt::format("{}-images", name), "3", missing);
    part.labels_file = find_file(source, fmt::format("{}-labels", name), "1", missing);
    parts.push_back(std::move(part));
  }
  if (!missing.empty()) {
    std::string names;
    for (const std::string& name : missing) names += "\n  " + name;
    throw Error(ExitCode::missing, fmt::format("{}: these files are not there (nor with .gz):{}",
                                               source.string(), names));
  }
  for (Part& part : parts) part.labels = read_labels(part.labels_file);
  return parts;
}

StreamSchema class_schema(const std::vector<Part>& parts) {
  StreamSchema classes;
  classes.name = "classes";
  classes.element = ElementType::i32;
  for (const Part& part : parts) {
    for (const uint8_t label : part.labels) {
      classes.num_classes = std::max<int64_t>(classes.num_classes, label + 1);
    }
  }
  for (int64_t i = 0; i < classes.num_classes; ++i) classes.labels.push_back(std::to_string(i));
  return classes;
}

StreamSchema image_schema(const Part& part) {
  StreamSchema inputs;
  inputs.name = "inputs";
  inputs.element = ElementType::u8;
  inputs.features = IdxReader(part.images, 3).dimensions()[2];
  inputs.scale = 1.0 / 255.0;
  return inputs;
}

/// Copies images [first, first + count) of an open file into a split of their own.
SplitInfo copy_images(IdxReader& images, const Part& part, int64_t first, int64_t count,
                      ShardWriter& writer, const std::string& split, const Progress& progress) {
  const int64_t rows = images.dimensions()[1];
  std::vector<uint8_t> image(static_cast<size_t>(images.item_bytes()));
  for (int64_t i = 0; i < count; ++i) {
    images.read_items(1, image.data());
    const int32_t label = part.labels[static_cast<size_t>(first + i)];
    writer.append({{image.data(), rows}, {&label, 1}}, fmt::format("{}-{:08}", split, first + i));
    const bool due = (i + 1) % kReportEveryImages == 0 || i + 1 == count;
    if (due && progress) progress("importing " + split, i + 1, count, "images");
  }
  return writer.finish();
}

void check_images(const IdxReader& images, const Part& part,
                  const std::vector<StreamSchema>& schema) {
  const auto labels = static_cast<int64_t>(part.labels.size());
  if (images.count() != labels) {
    throw Error(
        ExitCode::corrupt,
        fmt::format("{}: at byte 4: holds {} images, but {} holds {} labels",
                    images.file().string(), images.count(), part.labels_file.string(), labels));
  }
  if (labels == 0) {
    throw Error(ExitCode::corrupt,
                fmt::format("{}: at byte 4: holds no images", images.file().string()));
  }
  if (images.dimensions()[2] != schema[0].features) {
    throw Error(ExitCode::corrupt,
                fmt::format("{}: at byte 12: has {} columns; the training "
                            "images have {}",
                            images.file().string(), images.dimensions()[2], schema[0].features));
  }
}

class IdxImporter : public DataTool {
 public:
  void describe(Fields& fields) override {
    fields
        .add("validation_fraction", options_.validation_fraction,
             "part of the training images, from their end, that becomes the split \"validation\"")
        .at_least(0)
        .less_than(1);
    fields
        .add("max_shard_samples", options_.max_shard_samples,
             "images per shard; 0 leaves it to the size of the file")
        .at_least(0);
    describe_compression(fields, options_.compression);
  }

  void run(const std::vector<fs::path>& sources, const fs::path& out,
           const Progress& progress) override {
    if (sources.size() != 1) {
      throw Error(ExitCode::usage,
                  fmt::format("importing idx takes one folder, not {}", sources.size()));
    }
    StagedFolder folder(out);
    import_idx(sources[0], folder.path(), options_, progress);
    folder.commit();
  }

 private:
  IdxOptions options_;
};

}  // namespace

void import_idx(const fs::path& source, const fs::path& target, const IdxOptions& options,
                const Progress& progress) {
  const std::vector<Part> parts = find_parts(source);
  Manifest manifest;
  manifest.streams = {image_schema(parts[0]), class_schema(parts)};
  const auto write_split = [&](IdxReader& images, const Part& part, const std::string& name,
                               int64_t first, int64_t count) {
    if (count == 0) return;
    ShardWriter writer(
        target, name, manifest.streams,
        {.max_sequences = options.max_shard_samples, .compression = options.compression});
    manifest.splits.push_back(copy_images(images, part, first, count, writer, name, progress));
  };
  for (const Part& part : parts) {
    const bool training = &part == parts.data();
    IdxReader images(part.images, 3);
    check_images(images, part, manifest.streams);
    const int64_t held_out =
        training ? std::llround(options.validation_fraction * static_cast<double>(images.count()))
                 : 0;
    const int64_t kept = images.count() - held_out;
    write_split(images, part, training ? "train" : "test", 0, kept);
    write_split(images, part, "validation", kept, held_out);
    images.expect_end();
    manifest.source += fmt::format("{}{} ({} images)", training ? "IDX files " : ", ",
                                   part.images.filename().string(), images.count());
  }
  write_manifest(target, manifest);
}

DataToolEntry idx_importer() {
  return {"idx", "images with labels in MNIST's IDX files, plain or .gz",
          "the folder with MNIST's four files", [] { return std::make_unique<IdxImporter>(); }};
}

}  // namespace lockstep
