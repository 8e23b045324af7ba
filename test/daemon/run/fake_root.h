// FakeRoot: a folder that stands for a container's root filesystem; removed at the end.
#pragma once

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace thaw {

class FakeRoot {
 public:
  FakeRoot() { REQUIRE(::mkdtemp(path_.data()) != nullptr); }
  ~FakeRoot() { std::filesystem::remove_all(path_); }
  FakeRoot(const FakeRoot&) = delete;
  FakeRoot& operator=(const FakeRoot&) = delete;

  const std::string& path() const { return path_; }

  void write(const std::string& file, const std::string& text, int mode = 0644) const {
    const std::filesystem::path target = path_ + file;
    std::filesystem::create_directories(target.parent_path());
    std::ofstream(target) << text;
    std::filesystem::permissions(target, static_cast<std::filesystem::perms>(mode));
  }

  void link(const std::string& target, const std::string& name) const {
    std::filesystem::create_directories(std::filesystem::path(path_ + name).parent_path());
    std::filesystem::create_symlink(target, path_ + name);
  }

 private:
  std::string path_ = "/tmp/thaw-root-XXXXXX";
};

}  // namespace thaw
