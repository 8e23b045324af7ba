// KmsPlace: which keys of the AWS Key Management Service `keys.url` names, and who asks for them:
//   aws-kms:PREFIX?region=REGION
// with &endpoint=https://HOST, &ca-file=/PATH, &credentials=/PATH, &profile=NAME; a builder's also has
// &builder-keys=file:///DIR.
//
// A value. Internal to lib/keys.
#pragma once

#include <string>
#include <string_view>

#include "lib/aws/credentials.h"
#include "lib/aws/endpoint.h"
#include "lib/base/result.h"

namespace thaw {

struct KmsPlace {
  std::string prefix;  // of aliases: "thaw" for "alias/thaw/acme/1"
  std::string region;
  AwsEndpoint endpoint;
  std::string ca_file;  // empty: the system's
  AwsCredentialPlace credentials;
  std::string builder_folder;  // the keyring directory with the builders' keys; empty: for a worker

  static bool is_one(std::string_view url) { return url.starts_with("aws-kms:"); }
  // kUsage with what is wrong. Without TLS only at a loopback address: answers hold keys.
  static Result<KmsPlace> parse(std::string_view url);
};

}  // namespace thaw
