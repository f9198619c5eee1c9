// What mpirun and the ranks write, with mpirun's own explanations taken out.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace lockstep {

/// Passes bytes on as they come, except mpirun's framed notices (between two lines of 74 dashes),
/// which are kept, and its remarks about itself. Lines pass before they end, so that progress
/// shows, unless they begin as mpirun's do.
class MpirunOutput {
 public:
  explicit MpirunOutput(std::function<void(std::string_view)> pass_on)
      : pass_on_(std::move(pass_on)) {}

  void feed(std::string_view bytes);
  /// The stream has ended: passes on what was held back in vain.
  void finish();

  /// mpirun's notices, one after the other.
  const std::string& notices() const { return notices_; }

 private:
  bool may_be_mpiruns(std::string_view start) const;
  void end_line();

  std::function<void(std::string_view)> pass_on_;
  std::string line_;      ///< the line begun, as long as it may be mpirun's
  bool passing_ = false;  ///< the line begun is not mpirun's
  bool in_frame_ = false;
  std::string frame_;
  std::string notices_;
};

/// "rank 1 on node07 ended with signal 9 (Killed)" from mpirun's notices, or their text in one line
/// when they say nothing of the kind.
std::string who_was_lost(const std::string& notices);

}  // namespace lockstep
