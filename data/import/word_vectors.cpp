#include "data/import/word_vectors.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "data/base/error.h"
#include "data/import/finite_number.h"
#include "data/import/line_reader.h"
#include "data/text/ascii_case.h"

namespace lockstep {
namespace {

bool is_gap(char c) {
  return c == ' ' || c == '\t';
}

/// Cuts the last field off a line; empty when there is none.
std::string_view cut_last_field(std::string_view& line) {
  while (!line.empty() && is_gap(line.back())) line.remove_suffix(1);
  size_t begin = line.size();
  while (begin > 0 && !is_gap(line[begin - 1])) --begin;
  const std::string_view field = line.substr(begin);
  line.remove_suffix(field.size());
  return field;
}

/// "400000 300": how many words, of how many numbers each.
bool is_header(std::string_view line) {
  const auto is_integer = [](std::string_view field) {
    return !field.empty() && field.find_first_not_of("0123456789") == std::string_view::npos;
  };
  const std::string_view second = cut_last_field(line), first = cut_last_field(line);
  return is_integer(first) && is_integer(second) && cut_last_field(line).empty();
}

[[noreturn]] void fail_width(const LineReader& reader, size_t width) {
  throw Error(ExitCode::corrupt,
              fmt::format("{}: there are not {} numbers behind a word", reader.place(), width),
              "model.embedding_size must be the length of the file's vectors");
}

/// A file of longer vectors would else pass as one whose words hold spaces and numbers.
void require_width(std::string_view line, size_t width, const LineReader& reader) {
  size_t fields = 0;
  while (!cut_last_field(line).empty()) ++fields;
  if (fields != width + 1) fail_width(reader, width);
}

/// Reads the numbers from behind, as words may hold spaces; gives back the word.
std::string_view read_line(std::string_view line, std::vector<float>& numbers,
                           const LineReader& reader) {
  for (size_t i = numbers.size(); i-- > 0;) {
    const std::string_view field = cut_last_field(line);
    const std::optional<float> number = finite_number<float>(field);
    if (!number) fail_width(reader, numbers.size());
    numbers[i] = *number;
  }
  while (!line.empty() && is_gap(line.back())) line.remove_suffix(1);
  if (line.empty()) {
    throw Error(ExitCode::corrupt, fmt::format("{}: there is no word", reader.place()));
  }
  return line;
}

}  // namespace

std::vector<bool> read_word_vectors(const std::filesystem::path& file,
                                    const std::vector<std::string>& words, int64_t width,
                                    float* rows) {
  std::unordered_map<std::string, std::vector<size_t>> exact, lowered;
  for (size_t i = 0; i < words.size(); ++i) {
    exact[words[i]].push_back(i);
    const std::string lower = in_lower_case(words[i]);
    if (lower != words[i]) lowered[lower].push_back(i);
  }
  std::vector<bool> found(words.size()), found_lowered(words.size());
  std::vector<float> numbers(static_cast<size_t>(width));
  LineReader reader(file);
  std::string line;
  bool begun = false;
  while (reader.next(line)) {
    if (line.empty() || (reader.number() == 1 && width != 1 && is_header(line))) continue;
    if (!begun) require_width(line, numbers.size(), reader);
    begun = true;
    const std::string word(read_line(line, numbers, reader));
    const auto keep = [&](const auto& places, std::vector<bool>& seen) {
      const auto entry = places.find(word);
      if (entry == places.end()) return;
      for (const size_t i : entry->second) {
        if (found[i] || seen[i]) continue;
        std::copy(numbers.begin(), numbers.end(), rows + static_cast<int64_t>(i) * width);
        seen[i] = true;
      }
    };
    keep(lowered, found_lowered);
    keep(exact, found);
  }
  for (size_t i = 0; i < words.size(); ++i) found[i] = found[i] || found_lowered[i];
  return found;
}

}  // namespace lockstep
