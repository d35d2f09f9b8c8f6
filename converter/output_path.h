// Where the output of a conversion goes when the user does not say, or says something odd.
#pragma once

#include <filesystem>

#include "formats/layout.h"

namespace unbrine {

// The input's name with a checkpoint suffix (.pth.tar, .pt, .bin, ...) replaced by the writer's, or
// the writer's appended. Of a folder too: it then lies beside the folder, not in it. A clean .pt
// beside a .pt is NAME.clean.pt. Throws Usage if the output is the input itself, or if the input
// has no name.
std::filesystem::path default_output(const std::filesystem::path& input,
                                     const WriterFormat& writer);

// The folder NAME/ beside NAME.pt. Throws Usage as above.
std::filesystem::path default_folder(const std::filesystem::path& input);

// Whether -o names a folder: it ends with a slash, or is one already.
bool names_folder(const std::filesystem::path& output);

// Throws Usage unless `output` is a file name with a suffix of the writer and not the input itself.
void check_output(const std::filesystem::path& input, const std::filesystem::path& output,
                  const WriterFormat& writer);

// Throws Usage if the folder is the input itself or a part of it.
void check_output_folder(const std::filesystem::path& input, const std::filesystem::path& output);

// The name without the writer's suffix: "model" of "dir/model.safetensors".
std::string stem_of(const std::filesystem::path& output, const WriterFormat& writer);

}  // namespace unbrine
