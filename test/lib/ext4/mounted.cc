#include "test/lib/ext4/mounted.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <set>
#include <stdexcept>

#include "lib/base/file.h"

namespace thaw {
namespace {

std::string make_temporary_folder() {
  char path[] = "/var/tmp/thaw-ext4-XXXXXX";
  if (!mkdtemp(path)) throw std::runtime_error("mkdtemp failed");
  return path;
}

Exported::Check run(const std::string& command) {
  Exported::Check check;
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  if (!pipe) throw std::runtime_error("popen failed");
  char buffer[4096];
  while (fgets(buffer, sizeof buffer, pipe)) check.output += buffer;
  const int status = pclose(pipe);
  check.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
  return check;
}

void require(const Status& status) {
  if (!status.ok()) throw std::runtime_error(status.error().message);
}

// Compares one mounted inode with what the tree says of it.
class InodeComparison {
 public:
  InodeComparison(std::string path, const Inode& expected, std::vector<std::string>& differences)
      : path_(std::move(path)), expected_(expected), differences_(differences) {}

  // The inode number, 0 when there is nothing.
  uint64_t compare(uint64_t links, const Spool& spool) {
    struct stat found {};
    if (lstat(path_.c_str(), &found) != 0) {
      differences_.push_back(path_ + " is missing");
      return 0;
    }
    compare_stat(found, links);
    compare_xattrs();
    if (expected_.type == FileType::kSymlink) compare_target();
    if (expected_.type == FileType::kRegular) compare_contents(spool);
    if (expected_.type == FileType::kDirectory) compare_names();
    return found.st_ino;
  }

 private:
  void expect(const char* what, uint64_t found, uint64_t wanted) {
    if (found == wanted) return;
    differences_.push_back(path_ + ": " + what + " is " + std::to_string(found) + ", not " +
                           std::to_string(wanted));
  }

  void compare_stat(const struct stat& found, uint64_t links) {
    static const std::map<FileType, mode_t> kTypes = {
        {FileType::kRegular, S_IFREG},    {FileType::kDirectory, S_IFDIR},   {FileType::kSymlink, S_IFLNK},
        {FileType::kCharDevice, S_IFCHR}, {FileType::kBlockDevice, S_IFBLK}, {FileType::kFifo, S_IFIFO},
        {FileType::kSocket, S_IFSOCK}};
    expect("mode", found.st_mode, kTypes.at(expected_.type) | expected_.permissions);
    expect("uid", found.st_uid, expected_.uid);
    expect("gid", found.st_gid, expected_.gid);
    expect("links", found.st_nlink, links);
    for (const auto& time : {found.st_mtim, found.st_atim, found.st_ctim}) {
      expect("time", static_cast<uint64_t>(time.tv_sec), static_cast<uint64_t>(expected_.mtime.seconds));
      expect("nanoseconds", static_cast<uint64_t>(time.tv_nsec), expected_.mtime.nanoseconds);
    }
    if (expected_.type == FileType::kRegular)
      expect("size", static_cast<uint64_t>(found.st_size), expected_.size);
    if (expected_.type == FileType::kCharDevice || expected_.type == FileType::kBlockDevice) {
      expect("major", major(found.st_rdev), expected_.device_major);
      expect("minor", minor(found.st_rdev), expected_.device_minor);
    }
  }

  void compare_xattrs() {
    std::string names(65536, '\0');
    const ssize_t length = llistxattr(path_.c_str(), names.data(), names.size());
    if (length < 0) return differences_.push_back(path_ + ": llistxattr failed");
    uint64_t count = 0;
    for (ssize_t i = 0; i < length; ++i) count += names[static_cast<size_t>(i)] == '\0' ? 1 : 0;
    expect("number of attributes", count, expected_.xattrs.size());
    for (const auto& [name, value] : expected_.xattrs) {
      std::string found(65536, '\0');
      const ssize_t size = lgetxattr(path_.c_str(), name.c_str(), found.data(), found.size());
      found.resize(static_cast<size_t>(std::max<ssize_t>(size, 0)));
      if (size < 0 || found != value) differences_.push_back(path_ + ": attribute " + name + " differs");
    }
  }

  void compare_target() {
    std::string found(8192, '\0');
    const ssize_t length = readlink(path_.c_str(), found.data(), found.size());
    found.resize(static_cast<size_t>(std::max<ssize_t>(length, 0)));
    if (found != expected_.target) differences_.push_back(path_ + ": target is " + found);
  }

  void compare_names() {
    std::set<std::string> names;
    DIR* folder = opendir(path_.c_str());
    if (!folder) return differences_.push_back(path_ + ": opendir failed");
    while (const dirent* entry = readdir(folder)) names.insert(entry->d_name);
    closedir(folder);
    expect("number of names", names.size(), expected_.entries.size() + 2);
  }

  // Data where the segments say so, zeros between them; holes are not read byte by byte.
  void compare_contents(const Spool& spool) {
    const Fd file(open(path_.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.valid()) return differences_.push_back(path_ + ": open failed");
    for (const Segment& segment : expected_.segments) {
      Buffer found(segment.length);
      Buffer wanted(segment.length);
      require(spool.read(segment.spool_offset, wanted.mutable_view()));
      const Status read = read_exact(file.get(), segment.offset, found.mutable_view());
      if (!read.ok() || as_text(found.view()) != as_text(wanted.view())) {
        return differences_.push_back(path_ + ": bytes at " + std::to_string(segment.offset) + " differ");
      }
    }
    compare_holes(file.get());
  }

  void compare_holes(int file) {
    uint64_t at = 0;
    for (size_t i = 0; i <= expected_.segments.size(); ++i) {
      const uint64_t end = i < expected_.segments.size() ? expected_.segments[i].offset : expected_.size;
      const uint64_t data = static_cast<uint64_t>(lseek(file, static_cast<off_t>(at), SEEK_DATA));
      const uint64_t first_whole = (at + 4095) / 4096 * 4096;
      if (end > first_whole + 4096 && data < end / 4096 * 4096 && data >= first_whole) {
        differences_.push_back(path_ + ": hole at " + std::to_string(at) + " holds data");
      }
      if (i < expected_.segments.size()) at = expected_.segments[i].offset + expected_.segments[i].length;
    }
  }

  std::string path_;
  const Inode& expected_;
  std::vector<std::string>& differences_;
};

uint64_t expected_links(const Tree& tree, const Inode& inode) {
  if (inode.type != FileType::kDirectory) return inode.links;
  uint64_t links = 2;
  for (const auto& [name, index] : inode.entries) {
    links += tree.inode(index).type == FileType::kDirectory ? 1 : 0;
  }
  return links > 65000 ? 1 : links;
}

}  // namespace

Exported::Exported(const Device& device) : folder_(make_temporary_folder()), file_(folder_ + "/device") {
  const Fd file(open(file_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file.valid() || ftruncate(file.get(), static_cast<off_t>(device.device_bytes())) != 0) {
    throw std::runtime_error("cannot make " + file_);
  }
  Buffer chunk(device.chunk_bytes());
  for (const uint64_t index : device.chunks()) {
    require(device.read_chunk(index, chunk.mutable_view()));
    if (std::ranges::all_of(chunk.view(), [](uint8_t byte) { return byte == 0; })) continue;
    require(write_all_at(file.get(), index * device.chunk_bytes(), chunk.view()));
  }
}

Exported::~Exported() {
  unlink(file_.c_str());
  rmdir(folder_.c_str());
}

Exported::Check Exported::check() const { return run("/sbin/e2fsck -fn " + file_); }

bool can_mount() { return geteuid() == 0; }

Mounted::Mounted(const Exported& exported) : path_(exported.folder() + "/mnt") {
  if (mkdir(path_.c_str(), 0700) != 0) throw std::runtime_error("mkdir failed");
  const auto mounted =
      run("mount -t ext4 -o loop,ro,nosuid,nodev,noload,errors=remount-ro " + exported.file() + " " + path_);
  if (mounted.status != 0) {
    rmdir(path_.c_str());
    throw std::runtime_error(mounted.output);
  }
}

Mounted::~Mounted() {
  umount(path_.c_str());
  rmdir(path_.c_str());
}

std::vector<std::string> Mounted::differences(const Tree& tree, const Spool& spool) const {
  std::vector<std::string> differences;
  std::map<InodeIndex, uint64_t> numbers;
  tree.walk([&](std::string_view path, InodeIndex index) {
    const Inode& inode = tree.inode(index);
    InodeComparison comparison(path_ + "/" + std::string(path), inode, differences);
    const uint64_t number = comparison.compare(expected_links(tree, inode), spool);
    const auto [known, first] = numbers.emplace(index, number);
    if (!first && known->second != number) differences.push_back(std::string(path) + " is no hard link");
  });
  return differences;
}

}  // namespace thaw
