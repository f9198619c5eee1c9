// Items by their names, for lines to predict.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <unordered_map>
#include <vector>

namespace lockstep {

class ItemNames {
 public:
  /// In the order of their numbers; that of number 0 stands for all others.
  explicit ItemNames(std::vector<std::string> names);

  int64_t size() const { return static_cast<int64_t>(names_.size()); }
  const std::string& name_of(int64_t number) const {
    return names_.at(static_cast<size_t>(number));
  }
  /// 0 for an item that is none of them. Throws Error(corrupt) for what is no name: a text or a
  /// whole number.
  int64_t number_of(const nlohmann::json& item) const;

 private:
  std::vector<std::string> names_;
  std::unordered_map<std::string, int64_t> numbers_;
};

}  // namespace lockstep
