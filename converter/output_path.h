// Where the output of a conversion goes when the user does not say, or says something odd.
#pragma once

#include <filesystem>

#include "formats/layout.h"

namespace unbrine {

// The input's name with a checkpoint suffix (.pth.tar, .pt, .bin, ...) replaced by the writer's, or
// the writer's appended. Of a folder too: it then lies beside the folder, not in it. Throws Usage
// if that is the input itself, or if the input has no name.
std::filesystem::path default_output(const std::filesystem::path& input,
                                     const WriterFormat& writer);

// Throws Usage unless `output` is a file name with the writer's suffix and not the input itself.
void check_output(const std::filesystem::path& input, const std::filesystem::path& output,
                  const WriterFormat& writer);

}  // namespace unbrine
