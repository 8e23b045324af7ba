// SoftHsm: SoftHSM tokens of a test's own, "kms" for tenants' keys and "makers" for builders', and the URLs
// of keyrings in them. One at a time: the module is told of its folder by the environment.
#pragma once

#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <memory>

#include "lib/base/file.h"
#include "lib/keys/keyring.h"
#include "test/temporary_folder.h"

namespace thaw {

struct SoftHsm {
  TemporaryFolder folder;

  SoftHsm() {
    std::filesystem::create_directory(folder / "tokens");
    std::ofstream(folder / "softhsm2.conf") << "directories.tokendir = " << folder / "tokens"
                                            << "\nobjectstore.backend = file\nlog.level = ERROR\n";
    ::setenv("SOFTHSM2_CONF", (folder / "softhsm2.conf").c_str(), 1);
    make_token("kms", "1234");
    make_token("makers", "567890");
    write_pin("kms", "1234\n");
    write_pin("makers", "567890");
  }

  static constexpr const char* kModule = "/usr/lib/softhsm/libsofthsm2.so";

  std::string worker_url() const {
    return "pkcs11:token=kms?module-path=" + std::string(kModule) + "&pin-source=file:" + folder / "kms.pin";
  }
  std::string builder_url() const {
    return worker_url() + "&thaw-builder-token=makers&thaw-builder-pin-source=" + folder / "makers.pin";
  }
  std::unique_ptr<Keyring> open(KeyringUse use) const {
    return open_keyring(use == KeyringUse::kBuild ? builder_url() : worker_url(), use).value();
  }

  void write_pin(const std::string& token, const std::string& text, unsigned mode = 0600) const {
    REQUIRE(replace_file(folder / (token + ".pin"), as_bytes(text), mode).ok());
  }
  static void make_token(const std::string& label, const std::string& pin) {
    const std::string command =
        "softhsm2-util --init-token --free --label " + label + " --so-pin 0000 --pin " + pin + " >/dev/null";
    REQUIRE(std::system(command.c_str()) == 0);
  }
  // What happens to a module whose machine is unplugged, and plugged in again.
  void take_away() const { std::filesystem::rename(folder / "tokens", folder / "away"); }
  void bring_back() const { std::filesystem::rename(folder / "away", folder / "tokens"); }
};

}  // namespace thaw
