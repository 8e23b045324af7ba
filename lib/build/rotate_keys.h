// rotate_keys, retire_key: a tenant's images pass from one version of his key to the next, and the old one
// goes, without a change to any manifest, digest or chunk (docs/formats/envelope.md, "Rotation").
//
// Blocks like count_envelopes, on the same threads.
#pragma once

#include <string>
#include <vector>

#include "lib/build/envelope_census.h"

namespace thaw {

struct KeyRoom {
  Catalog& catalog;
  KeyService& keys;
  KeyVersions& versions;
  Executor& workers;
};

struct StuckEnvelope {
  EnvelopePlace place;
  Error why;
};

struct RotationReport {
  std::string key_id;                // the key that all of the tenant's envelopes are under now
  bool made = false;                 // by this rotation; false: one that was broken off was finished
  uint64_t replaced = 0;             // envelopes
  uint64_t envelopes = 0;            // of the tenant that are under that key now
  std::vector<StuckEnvelope> stuck;  // damaged, or under a key that is not known: still as they were
};

// Makes the tenant's next key and puts all of his envelopes under it. When envelopes are left under older
// keys than his newest, a rotation was broken off (or a build went on meanwhile): they are put under that
// newest key, and none is made. May be broken off at any time, and simply run again.
Result<RotationReport> rotate_keys(KeyRoom& room, const std::string& tenant, const ProgressFn& progress);

// Removes a key for good. kRefused while an envelope is under it, or is damaged so that it might be.
// Envelopes are looked for once more after the key has stopped to open, so that a build which used it until
// then is either seen, or sees it (store_image): no image is lost. Broken off: simply run again.
Status retire_key(KeyRoom& room, const std::string& key_id, const ProgressFn& progress);

}  // namespace thaw
