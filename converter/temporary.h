// How an output gets its name only when it is whole: it is made beside its place, under a name that
// holds the target's and "unbrine-tmp", and renamed at the end.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

namespace unbrine {

// The path between quotes, fit for a message.
std::string name_of(const std::filesystem::path& path);

// Throws Io "<what> '<path>': <the system's words for `error`>".
[[noreturn]] void fail_path(std::string_view what, const std::filesystem::path& path, int error);

std::filesystem::path folder_of(const std::filesystem::path& path);

// Calls `create` with temporary names beside `path` until one of them was free, and gives it.
// `create` returns false with errno set. Throws Io "<what> '<folder>': ...".
std::filesystem::path create_beside(
    const std::filesystem::path& path, std::string_view what,
    const std::function<bool(const std::filesystem::path&)>& create);

// Each gives false, with errno set, when the system refuses.
// Renames a file, but not onto another: then errno is EEXIST.
bool rename_file_to_free_name(const std::filesystem::path& from, const std::filesystem::path& to);
// Both exist afterwards, each with the content of the other. Some file systems cannot (EINVAL).
bool exchange_names(const std::filesystem::path& a, const std::filesystem::path& b);

// Whether errno says that the file system does not know what was asked of it.
bool is_not_known_here(int error);

}  // namespace unbrine
