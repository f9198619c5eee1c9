// The fixed order in which ranks (or lanes) are added: a binary tree.
#pragma once

#include <cstddef>

namespace lockstep {

/// targets[k][i] = sum over n of arrays[n][i], for i in [begin, end) and every k; a target may be
/// one of the arrays. Always added in the order of a binary tree over the arrays,
/// ((0+1)+(2+3))+..., where a subtree without a neighbour moves up: the bits depend on the values
/// alone, and for a power of two equal a tree over more leaves of which each array is a subtree.
void sum_arrays(const float* const* arrays, int num_arrays, float* const* targets, int num_targets,
                size_t begin, size_t end);

}  // namespace lockstep
