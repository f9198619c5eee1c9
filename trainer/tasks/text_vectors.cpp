// O numbers of a vector.
#include "trainer/tasks/text_vectors.h"

#include <algorithm>
#include <numeric>

#include "data/mix.h"
#include "trainer/tasks/input_lines.h"

namespace lockstep {

using torch::Tensor;

namespace {

constexpr size_t kTextsTogether = 256;

Lengths lengths_of(const std::vector<const TextSymbolNumbers*>& texts) {
  Lengths lengths;
  for (const TextSymbolNumbers* text : texts) {
    lengths.push_back(static_cast<int64_t>(text->size()));
  }
  return lengths;
}

Tensor encode_chunk(const std::vector<const TextSymbolNumbers*>& texts,
                    const std::vector<int64_t>& chunk, const TextEncoder& encoder) {
  std::vector<const TextSymbolNumbers*> own;
  own.reserve(chunk.size());
  for (const int64_t place : chunk) own.push_back(texts[static_cast<size_t>(place)]);
  const DeviceBatch batch = batch_of_symbols(own, encoder.device);
  return encoder.encode(batch.inputs, batch.lengths);
}

}  // namespace

std::vector<std::vector<int64_t>> chunks_of_like_length(const Lengths& lengths) {
  std::vector<int64_t> order(lengths.size());
  std::iota(order.begin(), order.end(), int64_t{0});
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    return lengths[static_cast<size_t>(a)] < lengths[static_cast<size_t>(b)];
  });
  std::vector<std::vector<int64_t>> chunks;
  for (size_t begin = 0; begin < order.size(); begin += kTextsTogether) {
    const size_t end = std::min(order.size(), begin + kTextsTogether);
    chunks.emplace_back(order.begin() + static_cast<std::ptrdiff_t>(begin),
                        order.begin() + static_cast<std::ptrdiff_t>(end));
  }
  return chunks;
}

int64_t DistinctTexts::add(const TextSymbolNumbers& text) {
  const auto [entry, is_new] = numbers_.emplace(text, static_cast<int64_t>(all_.size()));
  if (is_new) all_.push_back(&entry->first);
  return entry->second;
}

int64_t DistinctTexts::find(const TextSymbolNumbers& text) const {
  const auto entry = numbers_.find(text);
  return entry == numbers_.end() ? -1 : entry->second;
}

size_t DistinctTexts::Hash::operator()(const TextSymbolNumbers& text) const {
  uint64_t hash = text.size();
  for (const int64_t symbol : text) hash = mix64(hash, static_cast<uint64_t>(symbol));
  return hash;
}

Tensor encode_texts(const std::vector<const TextSymbolNumbers*>& texts, const TextEncoder& encoder,
                    const SharedWork& ranks) {
  torch::NoGradGuard no_grad;
  const std::vector<std::vector<int64_t>> chunks = chunks_of_like_length(lengths_of(texts));
  const auto world_size = static_cast<size_t>(ranks.world_size);
  std::vector<Tensor> own = {torch::zeros({0, encoder.vector_size}, encoder.device)};
  std::vector<int64_t> order;  // of texts, as the ranks' rows come
  for (size_t rank = 0; rank < world_size; ++rank) {
    for (size_t c = rank; c < chunks.size(); c += world_size) {
      order.insert(order.end(), chunks[c].begin(), chunks[c].end());
      if (static_cast<int>(rank) != ranks.rank) continue;
      own.push_back(encode_chunk(texts, chunks[c], encoder));
    }
  }
  Tensor rows = torch::cat(own);
  if (world_size > 1) rows = ranks.gather(rows.cpu()).all_NF.to(encoder.device);
  const Tensor places = torch::tensor(order, torch::kInt64).argsort().to(encoder.device);
  return rows.index_select(0, places);
}

}  // namespace lockstep
