#include "trainer/weight_loading.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <unordered_map>

#include "data/base/error.h"
#include "data/import/word_vectors.h"
#include "trainer/name_patterns.h"
#include "trainer/saved_config.h"

namespace lockstep {

using nlohmann::json;
using torch::Tensor;
using Shape = std::vector<int64_t>;
using LabelsByName = std::map<std::string, RowLabels>;

namespace {

std::vector<std::string> names_of_parameters(torch::nn::Module& model) {
  std::vector<std::string> names;
  for (const auto& item : model.named_parameters()) names.push_back(item.key());
  return names;
}

const RowLabels* labels_in(const LabelsByName& all, const std::string& name) {
  const auto found = all.find(name);
  return found == all.end() ? nullptr : &found->second;
}

Tensor values_of(const FlatBuffers& buffers, const FlatBuffers::Range& range) {
  return buffers.parameters().narrow(0, range.offset, range.count).view(range.shape);
}

Tensor tensor_of(const StoredTensor& stored) {
  return torch::from_blob(const_cast<float*>(stored.values.data()), stored.shape);
}

std::string shape_text(const Shape& shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

/// What the rows of the model stand for that a checkpoint was saved of.
LabelsByName labels_of_source(const Checkpoint& source) {
  const RunConfig config = config_from_saved(source.state.config, source.folder.string());
  try {
    const json description = json::parse(source.state.model);
    return find_task(source.state.task).make(config.model, description)->row_labels();
  } catch (const json::exception& error) {
    throw Error(ExitCode::corrupt,
                fmt::format("{}: state.json: model: {}", source.folder.string(), error.what()));
  }
}

/// Copies the rows whose labels both have; how many they are.
int64_t copy_rows(const Tensor& from, const std::vector<std::string>& from_labels, Tensor to,
                  const std::vector<std::string>& to_labels) {
  std::unordered_map<std::string, int64_t> places;
  for (size_t i = 0; i < from_labels.size(); ++i) {
    places.emplace(from_labels[i], static_cast<int64_t>(i));
  }
  std::vector<int64_t> from_rows, to_rows;
  for (size_t i = 0; i < to_labels.size(); ++i) {
    const auto found = places.find(to_labels[i]);
    if (found == places.end()) continue;
    from_rows.push_back(found->second);
    to_rows.push_back(static_cast<int64_t>(i));
  }
  const Tensor rows = torch::tensor(to_rows, torch::kInt64).to(to.device());
  to.index_copy_(0, rows,
                 from.index_select(0, torch::tensor(from_rows, torch::kInt64)).to(to.device()));
  return static_cast<int64_t>(to_rows.size());
}

/// Whether labels stand for all rows, so that rows can be found by them.
bool are_of(const RowLabels* labels, const Shape& shape) {
  return labels != nullptr && !shape.empty() &&
         static_cast<int64_t>(labels->labels.size()) == shape[0];
}

bool same_width(const Shape& a, const Shape& b) {
  return a.size() == b.size() && std::equal(a.begin() + 1, a.end(), b.begin() + 1);
}

/// Not one of two, for source and target, whose languages may differ.
bool is_only_embedding(const std::string& name) {
  return name == "embedding_weight" || name_fits(name, "*.embedding_weight");
}

/// Of one parameter: from where to where.
struct Transfer {
  const std::string& name;
  const StoredTensor& source;
  const RowLabels* source_labels;
  Tensor target;
  const RowLabels* target_labels;
};

[[noreturn]] void refuse_shape(const Transfer& transfer, const std::string& origin) {
  throw Error(ExitCode::config,
              fmt::format("init_from: {} has shape {} in {}, this model needs {}", transfer.name,
                          shape_text(transfer.source.shape), origin,
                          shape_text(transfer.target.sizes().vec())),
              "set model.* as in that run, or leave the parameter out with init_skip");
}

/// What became of a parameter in words; the first one is "fresh" when nothing was taken.
std::string transfer(const Transfer& t, const std::string& origin) {
  const Shape shape = t.target.sizes().vec();
  const Tensor source = tensor_of(t.source);
  Tensor target = t.target;
  if (t.target_labels != nullptr && !t.target_labels->by_label) {
    const bool same = t.source_labels != nullptr && shape == t.source.shape &&
                      t.source_labels->labels == t.target_labels->labels;
    if (!same) return "fresh: a head of other classes";
  } else if (are_of(t.target_labels, shape) && are_of(t.source_labels, t.source.shape) &&
             t.source_labels->labels != t.target_labels->labels) {
    if (!same_width(shape, t.source.shape)) refuse_shape(t, origin);
    const int64_t rows =
        copy_rows(source, t.source_labels->labels, target, t.target_labels->labels);
    return fmt::format("{}{} of {} rows by their symbol", rows == 0 ? "fresh: " : "", rows,
                       shape[0]);
  }
  if (shape != t.source.shape) refuse_shape(t, origin);
  target.copy_(source);
  return "loaded";
}

}  // namespace

void freeze_parameters(torch::nn::Module& model, const std::vector<std::string>& patterns) {
  if (patterns.empty()) return;
  require_all_fit("freeze", patterns, names_of_parameters(model));
  bool any_left = false;
  for (const auto& item : model.named_parameters()) {
    const bool frozen = fits_any(item.key(), patterns);
    item.value().set_requires_grad(!frozen);
    any_left = any_left || !frozen;
  }
  if (!any_left) throw Error(ExitCode::config, "freeze: leaves nothing to train");
}

std::vector<std::string> load_word_vectors(const RunConfig& config, Replica& replica) {
  torch::NoGradGuard no_grad;
  const std::string& file = config.model.embedding_vectors;
  const LabelsByName labels = replica.task().row_labels();
  std::vector<std::string> lines;
  for (const FlatBuffers::Range& range : replica.buffers().ranges()) {
    const RowLabels* own = labels_in(labels, range.name);
    if (!is_only_embedding(range.name) || !are_of(own, range.shape)) continue;
    Tensor rows = values_of(replica.buffers(), range).cpu();
    const std::vector<bool> found =
        read_word_vectors(file, own->labels, range.shape[1], rows.data_ptr<float>());
    values_of(replica.buffers(), range).copy_(rows);
    lines.push_back(fmt::format("{}: {} of {} words are in {}", range.name,
                                std::count(found.begin(), found.end(), true), found.size(), file));
  }
  if (lines.empty()) {
    throw Error(ExitCode::config,
                "model.embedding_vectors: this model has no embedding of words, or two");
  }
  return lines;
}

std::vector<std::string> load_weights_of(const Checkpoint& source, const RunConfig& config,
                                         Replica& replica) {
  torch::NoGradGuard no_grad;
  const FlatBuffers& buffers = replica.buffers();
  const std::string origin = source.folder.string();
  require_all_fit("init_skip", config.init_skip, names_of_parameters(replica.task().model()));
  const LabelsByName source_labels = labels_of_source(source);
  const LabelsByName target_labels = replica.task().row_labels();
  std::vector<std::string> lines = {fmt::format("from {}", origin)};
  std::map<std::string, StoredTensor> left = source.model;
  bool any_taken = false;
  for (const FlatBuffers::Range& range : buffers.ranges()) {
    std::string what = "fresh: not there";
    const auto found = source.model.find(range.name);
    if (fits_any(range.name, config.init_skip)) {
      what = "fresh: init_skip";
    } else if (found != source.model.end()) {
      what = transfer({range.name, found->second, labels_in(source_labels, range.name),
                       values_of(buffers, range), labels_in(target_labels, range.name)},
                      origin);
    }
    if (what.rfind("fresh", 0) != 0) {
      any_taken = true;
      left.erase(range.name);
    }
    lines.push_back(fmt::format("{:<28} {:<14} {}{}", range.name, shape_text(range.shape), what,
                                range.trained ? "" : ", frozen"));
  }
  for (const auto& [name, stored] : left) {
    lines.push_back(fmt::format("{:<28} {:<14} left out", name, shape_text(stored.shape)));
  }
  if (!any_taken) {
    throw Error(ExitCode::config, fmt::format("init_from: nothing in {} fits this model", origin),
                fmt::format("it holds {}", fmt::join(lines, "; ")));
  }
  return lines;
}

}  // namespace lockstep
