#include "data/import/h5.h"

#include <algorithm>
#include <limits>
#include <memory>

#include "data/base/error.h"
#include "data/convert.h"
#include "data/element_type.h"
#include "data/import/h5_layout.h"
#include "data/manifest.h"
#include "data/shard_array.h"
#include "data/shard_dataset.h"
#include "data/shard_layout.h"
#include "data/shard_writer.h"
#include "data/staged_folder.h"

namespace lockstep {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kH5BlockBytes = int64_t{32} << 20;
constexpr int64_t kH5MostSequenceBytes = int64_t{1} << 30;
constexpr int64_t kH5ReportEvery = 1000;
constexpr size_t kH5TagBytes = 31;
constexpr int64_t kH5MostClasses = std::numeric_limits<int32_t>::max();

/// Gives the sequences of one stream in order, reading whole blocks of rows: an array may be stored
/// in chunks that cut rows, each of which would else be unpacked once per row.
class H5Values {
 public:
  H5Values(const ShardFile& file, const H5Stream& stream)
      : file_(file),
        stream_(stream),
        rows_(file, stream.path, stream.element, stream.rank, stream.width) {}

  /// The values of the next sequence as they are stored; they last until the next call.
  const char* next() {
    const int64_t length = stream_.lengths[sequence_++];
    const int64_t count = stream_.is_padded ? 1 : length;
    const auto row_bytes = static_cast<int64_t>(rows_.row_bytes());
    if (count > kH5MostSequenceBytes / row_bytes) {
      file_.fail(stream_.path, fmt::format("holds a sequence of {} steps, more than {} bytes",
                                           length, kH5MostSequenceBytes));
    }
    if (row_ + count > block_end_) read_block(count, row_bytes);
    const char* values = block_.data() + (row_ - block_begin_) * row_bytes;
    row_ += count;
    return values;
  }

 private:
  void read_block(int64_t count, int64_t row_bytes) {
    const int64_t part = std::min(rows_.rows() - row_, std::max(count, kH5BlockBytes / row_bytes));
    block_.resize(static_cast<size_t>(part * row_bytes));
    rows_.read_rows(row_, part, block_.data());
    block_begin_ = row_;
    block_end_ = row_ + part;
  }

  const ShardFile& file_;
  const H5Stream& stream_;
  ShardDataset rows_;
  size_t sequence_ = 0;
  int64_t row_ = 0;  ///< the next one
  int64_t block_begin_ = 0;
  int64_t block_end_ = 0;
  std::vector<char> block_;
};

/// One file of a split.
struct H5Source {
  std::string path;
  std::string split;
  std::unique_ptr<ShardFile> file;
  H5Layout layout;

  [[noreturn]] void fail(const std::string& array, const std::string& problem) const {
    file->fail(array, problem);
  }
};

/// The next sequence of symbols, each checked to be below `num_classes`.
void next_symbols(H5Values& values, const H5Source& source, const H5Stream& stream, int64_t id,
                  int64_t num_classes, std::vector<int64_t>& symbols) {
  const int64_t length = stream.lengths[static_cast<size_t>(id)];
  const char* stored = values.next();
  symbols.resize(static_cast<size_t>(length));
  widen_symbols(stream.element, stored, length, symbols.data(), 1);
  for (const int64_t symbol : symbols) {
    if (symbol >= 0 && symbol < num_classes) continue;
    source.fail(stream.path, fmt::format("holds {} in sequence {}; symbols are 0 to {}", symbol, id,
                                         num_classes - 1));
  }
}

/// One more than the largest symbol.
int64_t count_classes(const H5Source& source, const H5Stream& stream) {
  H5Values values(*source.file, stream);
  std::vector<int64_t> symbols;
  int64_t classes = 1;
  for (int64_t id = 0; id < source.layout.sequences(); ++id) {
    next_symbols(values, source, stream, id, kH5MostClasses, symbols);
    for (const int64_t symbol : symbols) classes = std::max(classes, symbol + 1);
  }
  return classes;
}

StreamSchema h5_schema(const H5Source& source, const H5Stream& stream) {
  StreamSchema schema;
  schema.name = stream.name;
  schema.features = stream.features;
  schema.element = schema.is_symbols() ? ElementType::i32 : stream.element;
  if (!schema.is_symbols()) return schema;
  schema.num_classes = stream.num_classes > 0 ? stream.num_classes : count_classes(source, stream);
  schema.labels = stream.labels;
  if (schema.num_classes > kH5MostClasses) {
    source.fail(stream.path, fmt::format("is said to have {} classes", schema.num_classes));
  }
  return schema;
}

/// What all files agree upon; the largest number of classes counts.
std::vector<StreamSchema> common_schema(const std::vector<H5Source>& sources) {
  std::vector<StreamSchema> schema;
  for (const H5Source& source : sources) {
    const std::vector<H5Stream>& streams = source.layout.streams;
    if (schema.empty()) {
      for (const H5Stream& stream : streams) schema.push_back(h5_schema(source, stream));
      continue;
    }
    for (size_t i = 0; i < std::min(schema.size(), streams.size()); ++i) {
      const StreamSchema own = h5_schema(source, streams[i]);
      if (own.name != schema[i].name || own.element != schema[i].element ||
          own.features != schema[i].features) {
        source.fail(streams[i].path,
                    fmt::format("is not what \"{}\" is in {}", schema[i].name, sources[0].path));
      }
      if (own.num_classes > schema[i].num_classes) schema[i] = own;
    }
    if (schema.size() != streams.size()) {
      source.fail("", fmt::format("has {} streams; {} has {}", streams.size(), sources[0].path,
                                  schema.size()));
    }
  }
  return schema;
}

/// Writes all sequences of one file.
class H5Copy {
 public:
  H5Copy(const H5Source& source, const std::vector<StreamSchema>& schema)
      : source_(source), schema_(schema), narrow_(schema.size()) {
    values_.reserve(schema.size());
    for (const H5Stream& stream : source.layout.streams) {
      values_.emplace_back(*source.file, stream);
    }
  }

  void run(ShardWriter& writer, const Progress& progress) {
    const int64_t count = source_.layout.sequences();
    const std::string what = "importing " + fs::path(source_.path).filename().string();
    std::vector<StreamView> views(schema_.size());
    for (int64_t id = 0; id < count; ++id) {
      for (size_t i = 0; i < schema_.size(); ++i) views[i] = next(i, id);
      writer.append(views, tag_of(id));
      const bool due = (id + 1) % kH5ReportEvery == 0 || id + 1 == count;
      if (due && progress) progress(what, id + 1, count, "sequences");
    }
  }

 private:
  StreamView next(size_t i, int64_t id) {
    const H5Stream& stream = source_.layout.streams[i];
    const int64_t length = stream.lengths[static_cast<size_t>(id)];
    if (length > std::numeric_limits<int32_t>::max()) {
      source_.fail(stream.path, fmt::format("holds a sequence of {} steps", length));
    }
    if (!schema_[i].is_symbols()) return {values_[i].next(), length};
    next_symbols(values_[i], source_, stream, id, schema_[i].num_classes, symbols_);
    narrow_[i].assign(symbols_.begin(), symbols_.end());
    return {narrow_[i].data(), length};
  }

  /// The file's own name of a sequence where a shard can hold it.
  std::string tag_of(int64_t id) const {
    const std::vector<std::string>& tags = source_.layout.tags;
    const auto i = static_cast<size_t>(id);
    const bool usable = i < tags.size() && tags[i].size() <= kH5TagBytes;
    return usable ? tags[i] : fmt::format("{}-{:08}", source_.split.substr(0, 16), id);
  }

  const H5Source& source_;
  const std::vector<StreamSchema>& schema_;
  std::vector<H5Values> values_;
  std::vector<int64_t> symbols_;
  std::vector<std::vector<int32_t>> narrow_;  ///< symbols as they are written, for each stream
};

class H5Importer : public DataTool {
 public:
  void describe(Fields& fields) override {
    fields.add("train", train_, "files of the split \"train\"");
    fields.add("validation", validation_, "files of the split \"validation\"");
    fields.add("test", test_, "files of the split \"test\"");
    fields.add("inputs", names_.inputs,
               "array that holds the inputs; leave it out for files in RETURNN's layout");
    fields.add("lengths", names_.lengths, "array with the length of each sequence of --inputs");
    fields.add("target", names_.targets,
               "NAME=ARRAY for each target, or NAME=ARRAY:LENGTHS where it has lengths of its own");
    fields.add("scale", scale_, "training sees dense inputs as stored * scale + offset");
    fields.add("offset", offset_, "see --scale");
    describe_compression(fields, limits_.compression);
  }

  void run(const std::vector<fs::path>& sources, const fs::path& out,
           const Progress& progress) override {
    const std::vector<H5Source> files = open_all(sources);
    Manifest manifest;
    manifest.streams = common_schema(files);
    if (!manifest.streams[0].is_symbols()) {
      manifest.streams[0].scale = scale_;
      manifest.streams[0].offset = offset_;
    }
    StagedFolder folder(out);
    for (size_t i = 0; i < files.size();) {
      const std::string& split = files[i].split;
      ShardWriter writer(folder.path(), split, manifest.streams, limits_);
      for (; i < files.size() && files[i].split == split; ++i) {
        H5Copy(files[i], manifest.streams).run(writer, progress);
        manifest.source += fmt::format("{}{} from {}", manifest.source.empty() ? "" : ", ", split,
                                       fs::path(files[i].path).filename().string());
      }
      manifest.splits.push_back(writer.finish());
    }
    write_manifest(folder.path(), manifest);
    folder.commit();
  }

 private:
  std::vector<H5Source> open_all(const std::vector<fs::path>& sources) const {
    if (sources.empty() == train_.empty()) {
      throw Error(ExitCode::usage, "give either SOURCE files or --train",
                  "for example --train a.h5,b.h5 --test c.h5");
    }
    if (names_.inputs.empty() && !(names_.lengths.empty() && names_.targets.empty())) {
      throw Error(ExitCode::usage, "--lengths and --target need --inputs");
    }
    std::vector<H5Source> files;
    for (const fs::path& source : sources) files.push_back(open(source.string(), "train"));
    for (const std::string& path : train_) files.push_back(open(path, "train"));
    for (const std::string& path : validation_) files.push_back(open(path, "validation"));
    for (const std::string& path : test_) files.push_back(open(path, "test"));
    return files;
  }

  H5Source open(const std::string& path, const std::string& split) const {
    H5Source source{path, split, std::make_unique<ShardFile>(path), {}};
    source.layout = layout_of(source);
    if (source.layout.sequences() == 0) source.fail("", "holds no sequences");
    return source;
  }

  H5Layout layout_of(const H5Source& source) const {
    const ShardFile& file = *source.file;
    if (!names_.inputs.empty()) return named_layout(file, names_);
    if (has_object(file, shard_layout::kLengths) && has_object(file, shard_layout::kInputs)) {
      return returnn_layout(file);
    }
    std::string names;
    for (const std::string& name : names_in_group(file, "/")) names += " " + name;
    throw Error(
        ExitCode::corrupt,
        fmt::format("{}: is not in RETURNN's layout, which has inputs and seqLengths", source.path),
        "name the arrays with --inputs, --lengths and --target; the file holds:" + names);
  }

  std::vector<std::string> train_, validation_, test_;
  H5Names names_;
  double scale_ = 1;
  double offset_ = 0;
  ShardLimits limits_;
};

}  // namespace

DataToolEntry h5_importer() {
  return {"h5", "HDF5 files in RETURNN's layout, or arrays by --inputs, --lengths and --target",
          "HDF5 files of the split \"train\"; or none, with --train",
          [] { return std::make_unique<H5Importer>(); }, /*source_is_optional=*/true};
}

}  // namespace lockstep
