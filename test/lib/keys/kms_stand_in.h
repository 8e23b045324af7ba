// KmsStandIn: kms_stand_in.py, a stand-in for the AWS KMS API of a test's own, and the URLs of keyrings in
// it. It is not the real service, which nobody has tried Thaw with.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <fstream>
#include <memory>
#include <sstream>

#include "lib/keys/kms_keyring.h"
#include "test/temporary_folder.h"

namespace thaw {

class KmsStandIn {
 public:
  TemporaryFolder folder;

  KmsStandIn() {
    write("credentials.json", R"({"BUILDER": {"secret": "b/1+"}, "READER": {"secret": "r", "token": "t=",
           "allow": ["Decrypt", "ListAliases", "DescribeKey"]}})");
    write("builder", "[default]\naws_access_key_id = BUILDER\naws_secret_access_key = b/1+\n");
    write("reader",
          "[worker]\naws_access_key_id = READER\naws_secret_access_key = r\naws_session_token = t=\n");
    start();
  }
  ~KmsStandIn() {
    if (process_ > 0) stop();
  }
  KmsStandIn(const KmsStandIn&) = delete;
  KmsStandIn& operator=(const KmsStandIn&) = delete;

  // Again on the port that it had before, with the keys that it had.
  void start() {
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    posix_spawn_file_actions_t actions{};
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    std::string script = __FILE__;
    script.replace(script.rfind(".h"), 2, ".py");
    const std::string own = folder / "";
    const std::array<std::string, 5> words{"/usr/bin/python3", script, own, "--port", std::to_string(port_)};
    std::array<char*, 6> arguments{};
    std::transform(words.begin(), words.end(), arguments.begin(),
                   [](const std::string& word) { return const_cast<char*>(word.c_str()); });
    REQUIRE(::posix_spawn(&process_, words[0].c_str(), &actions, nullptr, arguments.data(), environ) == 0);
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    std::string said;
    std::array<char, 64> some{};
    while (said.find('\n') == std::string::npos) {
      const ssize_t got = ::read(ends[0], some.data(), some.size());
      REQUIRE(got > 0);
      said.append(some.data(), static_cast<size_t>(got));
    }
    ::close(ends[0]);
    port_ = std::stoi(said.substr(said.find(':') + 1));
  }
  void stop() {
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
    process_ = -1;
  }

  std::string url_for(const std::string& credentials) const {
    return "aws-kms:team/thaw?region=eu-test-1&endpoint=http://127.0.0.1:" + std::to_string(port_) +
           "&credentials=" + folder / credentials;
  }
  std::string worker_url() const { return url_for("reader") + "&profile=worker"; }
  std::string builder_url() const {
    return url_for("builder") + "&builder-keys=file://" + folder / "builder-keys";
  }
  std::unique_ptr<Keyring> open(KeyringUse use) const {
    return open_keyring(use == KeyringUse::kBuild ? builder_url() : worker_url(), use).value();
  }
  // Impatient, and quick to try again.
  std::unique_ptr<KmsKeyring> open_with(const std::string& url, KmsLimits limits) const {
    limits.first_backoff = std::chrono::milliseconds(1);
    limits.longest_backoff = std::chrono::milliseconds(4);
    return std::make_unique<KmsKeyring>(KmsPlace::parse(url).value(), KeyringUse::kBuild, limits);
  }

  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder / (name + ".new")) << text;
    std::filesystem::rename(folder / (name + ".new"), folder / name);
  }
  std::string read(const std::string& name) const {
    std::ostringstream text;
    text << std::ifstream(folder / name).rdbuf();
    return text.str();
  }
  // How often the log has this beginning of a line: "Decrypt READER done".
  int count(const std::string& beginning) const {
    std::istringstream lines(read("log"));
    int found = 0;
    for (std::string line; std::getline(lines, line);) found += line.starts_with(beginning) ? 1 : 0;
    return found;
  }

 private:
  pid_t process_ = -1;
  int port_ = 0;
};

}  // namespace thaw
