#include "data/import/h5_layout.h"

#include <algorithm>
#include <numeric>
#include <optional>

#include "data/base/error.h"
#include "data/convert.h"
#include "data/element_type.h"
#include "data/shard_array.h"
#include "data/shard_dataset.h"
#include "data/shard_layout.h"

namespace lockstep {
namespace {

constexpr int64_t kMostRowNumbers = int64_t{1} << 28;
constexpr int64_t kMostFeatures = int64_t{1} << 24;
constexpr int64_t kMostSteps = int64_t{1} << 40;
constexpr int64_t kLengthsAtOnce = 65536;

int64_t sum(const std::vector<int64_t>& lengths) {
  return std::accumulate(lengths.begin(), lengths.end(), int64_t{0});
}

int64_t longest(const std::vector<int64_t>& lengths) {
  return lengths.empty() ? 0 : *std::max_element(lengths.begin(), lengths.end());
}

/// Reads integers [N] or [N, columns] and gives each column as a list of lengths.
std::vector<std::vector<int64_t>> read_columns(const ShardFile& file, const std::string& path) {
  const ArrayShape shape = shape_of_array(file, path);
  const auto rank = static_cast<int>(shape.extent.size());
  const int64_t width = rank == 1 ? 1 : shape.extent[1];
  if (!is_integer(shape.element) || rank > 2 || width < 1 || width > 1000) {
    file.fail(path, "does not hold lengths: one integer, or one per stream, for each sequence");
  }
  const ShardDataset rows(file, path, shape.element, rank, width);
  const auto columns = static_cast<size_t>(width);
  std::vector<std::vector<int64_t>> lengths(columns);
  std::vector<int64_t> totals(columns);
  std::vector<char> stored(static_cast<size_t>(kLengthsAtOnce) * rows.row_bytes());
  std::vector<int64_t> block(static_cast<size_t>(kLengthsAtOnce) * columns);
  for (int64_t first = 0; first < rows.rows(); first += kLengthsAtOnce) {
    const int64_t count = std::min(kLengthsAtOnce, rows.rows() - first);
    rows.read_rows(first, count, stored.data());
    widen_symbols(shape.element, stored.data(), count * width, block.data(), 1);
    for (size_t i = 0; i < static_cast<size_t>(count) * columns; ++i) {
      const size_t column = i % columns;
      if (block[i] < 0 || block[i] > kMostSteps - totals[column]) {
        file.fail(path,
                  fmt::format("gives sequence {} the length {}", lengths[column].size(), block[i]));
      }
      totals[column] += block[i];
      lengths[column].push_back(block[i]);
    }
  }
  return lengths;
}

std::vector<int64_t> read_one_column(const ShardFile& file, const std::string& path) {
  const ArrayShape shape = shape_of_array(file, path);
  if (shape.extent.size() == 2 && shape.extent[1] > 1) {
    file.fail(path, "has several lengths for each sequence");
  }
  return std::move(read_columns(file, path)[0]);
}

/// A stream whose array and width are known, but not yet how it is cut.
H5Stream stream_of(const ShardFile& file, const std::string& name, const std::string& path,
                   const ArrayShape& shape) {
  H5Stream stream;
  stream.name = name;
  stream.path = path;
  stream.element = shape.element;
  stream.rank = static_cast<int>(shape.extent.size());
  for (size_t i = 1; i < shape.extent.size(); ++i) {
    if (shape.extent[i] < 1) file.fail(path, "has a dimension of zero");
    if (shape.extent[i] > kMostRowNumbers / stream.width) {
      file.fail(path, fmt::format("has rows of more than {} numbers", kMostRowNumbers));
    }
    stream.width *= shape.extent[i];
  }
  return stream;
}

/// Symbols where integers have no axis of features; one feature where other numbers have none.
void set_features(const ShardFile& file, H5Stream& stream, std::optional<int64_t> axis) {
  stream.features = axis.value_or(is_integer(stream.element) ? 0 : 1);
  if (stream.features > kMostFeatures) {
    file.fail(stream.path, fmt::format("has more than {} features", kMostFeatures));
  }
}

/// Cuts the array by `lengths`; false when its rows fit them neither as steps nor as sequences.
bool cut(const ShardFile& file, H5Stream& stream, const ArrayShape& shape,
         const std::vector<int64_t>& lengths) {
  const std::vector<int64_t>& extent = shape.extent;
  const auto sequences = static_cast<int64_t>(lengths.size());
  const bool rows_are_steps = extent.size() <= 2 && extent[0] == sum(lengths);
  const bool rows_are_sequences =
      extent.size() >= 2 && extent[0] == sequences && longest(lengths) <= extent[1];
  if (!rows_are_steps && !rows_are_sequences) return false;
  stream.is_padded = !rows_are_steps;
  stream.row_steps = rows_are_steps ? 1 : extent[1];
  stream.lengths = lengths;
  const size_t axis = rows_are_steps ? 1 : 2;
  set_features(file, stream,
               axis < extent.size() ? std::optional<int64_t>(extent[axis]) : std::nullopt);
  return true;
}

/// Every row a sequence: of as many steps as the second of three dimensions says, else of one.
void cut_by_rows(const ShardFile& file, H5Stream& stream, const ArrayShape& shape) {
  const size_t rank = shape.extent.size();
  stream.is_padded = rank == 3;
  stream.row_steps = rank == 3 ? shape.extent[1] : 1;
  stream.lengths.assign(static_cast<size_t>(shape.extent[0]), rank == 3 ? shape.extent[1] : 1);
  set_features(file, stream,
               rank == 1 ? std::nullopt : std::optional<int64_t>(shape.extent.back()));
}

H5Stream named_inputs(const ShardFile& file, const H5Names& names) {
  const ArrayShape shape = shape_of_array(file, names.inputs);
  H5Stream stream = stream_of(file, shard_layout::kInputs, names.inputs, shape);
  // Checked before a list of as many lengths is made: no more rows than the file can hold.
  ShardDataset(file, stream.path, stream.element, stream.rank, stream.width);
  if (names.lengths.empty()) {
    cut_by_rows(file, stream, shape);
  } else if (!cut(file, stream, shape, read_one_column(file, names.lengths))) {
    file.fail(names.inputs,
              fmt::format("has {} rows: neither as many as there are lengths in \"{}\", with room "
                          "for the longest, nor as many as they add up to",
                          shape.extent[0], names.lengths));
  }
  return stream;
}

struct TargetName {
  std::string name;
  std::string path;
  std::string lengths;
};

TargetName parse_target(const std::string& text) {
  const size_t equals = text.find('=');
  TargetName target;
  if (equals != std::string::npos) {
    const size_t colon = text.find(':', equals);
    target.name = text.substr(0, equals);
    target.path = text.substr(equals + 1, colon == std::string::npos ? colon : colon - equals - 1);
    if (colon != std::string::npos) target.lengths = text.substr(colon + 1);
  }
  if (!is_plain_name(target.name) || target.path.empty() || target.name == shard_layout::kInputs) {
    throw Error(ExitCode::usage, fmt::format("--target {}: is not NAME=ARRAY", text),
                "for example --target classes=labels, or words=words:word_lengths");
  }
  return target;
}

H5Stream named_target(const ShardFile& file, const TargetName& target, const H5Stream& inputs) {
  const ArrayShape shape = shape_of_array(file, target.path);
  H5Stream stream = stream_of(file, target.name, target.path, shape);
  ShardDataset(file, stream.path, stream.element, stream.rank, stream.width);
  const auto sequences = static_cast<int64_t>(inputs.lengths.size());
  if (!target.lengths.empty()) {
    if (cut(file, stream, shape, read_one_column(file, target.lengths))) return stream;
  } else {
    // [N, K] may be K numbers for each sequence: only padding as that of the inputs tells steps.
    const bool one_step = shape.extent[0] == sequences && shape.extent.size() == 2 &&
                          sequences != sum(inputs.lengths) && shape.extent[1] != inputs.row_steps;
    if (!one_step && cut(file, stream, shape, inputs.lengths)) return stream;
    if (shape.extent[0] == sequences && shape.extent.size() <= 2) {
      cut_by_rows(file, stream, shape);
      return stream;
    }
  }
  file.fail(target.path, fmt::format("has {} rows, which fit the lengths of the {} sequences "
                                     "neither as steps nor as sequences",
                                     shape.extent[0], sequences));
}

/// Sorts the targets and requires that all streams have the same number of sequences.
void finish_layout(const ShardFile& file, H5Layout& layout) {
  std::sort(layout.streams.begin() + 1, layout.streams.end(),
            [](const H5Stream& a, const H5Stream& b) { return a.name < b.name; });
  for (size_t i = 1; i < layout.streams.size(); ++i) {
    const H5Stream& stream = layout.streams[i];
    if (stream.lengths.size() != layout.streams[0].lengths.size()) {
      file.fail(stream.path, fmt::format("has {} sequences; the inputs have {}",
                                         stream.lengths.size(), layout.sequences()));
    }
    if (i > 1 && stream.name == layout.streams[i - 1].name) {
      throw Error(ExitCode::usage, fmt::format("two targets have the name \"{}\"", stream.name));
    }
  }
}

/// `dimension` is what the file says of features or classes. RETURNN's writer says 1 where it does
/// not know the number of classes.
H5Stream returnn_stream(const ShardFile& file, const std::string& name, const std::string& path,
                        int64_t dimension, const std::vector<int64_t>& lengths) {
  const ArrayShape shape = shape_of_array(file, path);
  H5Stream stream = stream_of(file, name, path, shape);
  if (stream.rank > 2) file.fail(path, "has more than two dimensions");
  if (shape.extent[0] != sum(lengths)) {
    file.fail(path, fmt::format("has {} rows, but the lengths of its sequences add up to {}",
                                shape.extent[0], sum(lengths)));
  }
  cut(file, stream, shape, lengths);
  const bool symbols = stream.features == 0;
  if (!symbols && stream.rank == 2 && dimension != stream.features) {
    file.fail(path, fmt::format("has {} columns, but its size is said to be {}", stream.features,
                                dimension));
  }
  if (symbols && dimension > 1) stream.num_classes = dimension;
  return stream;
}

/// Names of the classes when there are as many as classes; RETURNN's writer leaves one dummy.
std::vector<std::string> returnn_labels(const ShardFile& file, const H5Stream& stream) {
  const std::string path = std::string(shard_layout::kTargetLabels) + "/" + stream.name;
  if (stream.num_classes < 1 || !has_object(file, path)) return {};
  std::vector<std::string> labels =
      fixed_texts(file, path, stream.num_classes).value_or(std::vector<std::string>{});
  std::vector<std::string> sorted = labels;
  std::sort(sorted.begin(), sorted.end());
  const bool distinct = std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end();
  return distinct ? labels : std::vector<std::string>{};
}

/// The column of target `index` of `count`: one for each, or one for all.
const std::vector<int64_t>& target_lengths(const ShardFile& file,
                                           const std::vector<std::vector<int64_t>>& columns,
                                           size_t index, size_t count) {
  if (columns.size() == count + 1) return columns[index + 1];
  if (columns.size() == 2) return columns[1];
  file.fail(shard_layout::kLengths,
            fmt::format("has {} columns for the inputs and {} targets", columns.size(), count));
}

}  // namespace

H5Layout returnn_layout(const ShardFile& file) {
  const std::vector<std::vector<int64_t>> columns = read_columns(file, shard_layout::kLengths);
  H5Layout layout;
  layout.streams.push_back(returnn_stream(file, shard_layout::kInputs, shard_layout::kInputs,
                                          integer_attribute(file, ".", shard_layout::kInputSize)[0],
                                          columns[0]));
  const std::vector<std::string> targets = has_object(file, shard_layout::kTargetData)
                                               ? names_in_group(file, shard_layout::kTargetData)
                                               : std::vector<std::string>{};
  for (size_t i = 0; i < targets.size(); ++i) {
    if (!is_plain_name(targets[i]) || targets[i] == shard_layout::kInputs) {
      file.fail(shard_layout::kTargetData, "holds a target whose name cannot be a stream's");
    }
    file.require_hard_links(shard_layout::kTargetSize);
    const int64_t dimension = integer_attribute(file, shard_layout::kTargetSize, targets[i])[0];
    const std::string path = std::string(shard_layout::kTargetData) + "/" + targets[i];
    layout.streams.push_back(returnn_stream(file, targets[i], path, dimension,
                                            target_lengths(file, columns, i, targets.size())));
    layout.streams.back().labels = returnn_labels(file, layout.streams.back());
  }
  finish_layout(file, layout);
  if (has_object(file, shard_layout::kTags)) {
    layout.tags = fixed_texts(file, shard_layout::kTags, layout.sequences())
                      .value_or(std::vector<std::string>{});
  }
  return layout;
}

H5Layout named_layout(const ShardFile& file, const H5Names& names) {
  H5Layout layout;
  layout.streams.push_back(named_inputs(file, names));
  for (const std::string& text : names.targets) {
    layout.streams.push_back(named_target(file, parse_target(text), layout.streams[0]));
  }
  finish_layout(file, layout);
  return layout;
}

}  // namespace lockstep
