#include "formats/layout.h"

#include <algorithm>

#include "formats/blob/blob_writer.h"
#include "formats/safetensors/safetensors_writer.h"
#include "formats/torch/torch_writer.h"

namespace unbrine {
namespace {

constexpr std::string_view kSafetensorsSuffixes[] = {".safetensors"};
constexpr std::string_view kTorchSuffixes[] = {".pt", ".pth", ".bin", ".ckpt", ".pth.tar"};
constexpr std::string_view kBlobSuffixes[] = {".blob"};

constexpr WriterFormat kWriterFormats[] = {
    {.name = "safetensors",
     .suffixes = kSafetensorsSuffixes,
     .keeps_objects = false,
     .layout = safetensors_layout,
     .side_files = safetensors_side_files},
    {.name = "torch",
     .suffixes = kTorchSuffixes,
     .keeps_objects = true,
     .layout = torch_layout,
     .side_files = nullptr},
    {.name = "blob",
     .suffixes = kBlobSuffixes,
     .keeps_objects = false,
     .layout = blob_layout,
     .side_files = blob_side_files},
};

}  // namespace

std::span<const WriterFormat> writer_formats() { return kWriterFormats; }

const WriterFormat& default_writer() { return kWriterFormats[0]; }

const WriterFormat* writer_by_name(std::string_view name) {
  const auto row = std::ranges::find(kWriterFormats, name, &WriterFormat::name);
  return row == std::end(kWriterFormats) ? nullptr : row;
}

}  // namespace unbrine
