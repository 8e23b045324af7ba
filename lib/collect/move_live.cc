#include "lib/collect/move_live.h"

#include <algorithm>

namespace thaw {
namespace {

// Each pass copies what became live during the one before; that is little.
constexpr int kMaxPasses = 20;

bool is_somewhere(const StoreSurvey& survey, const Digest& manifest) {
  return std::ranges::any_of(survey.roots, [&](const RootManifests& root) { return root.has(manifest); });
}

// A lease may outlive its image; a name must not.
void note_lost_names(StoreSurvey& survey) {
  for (const auto& [manifest, user] : survey.live.used_by) {
    if (!user.starts_with("name ") || is_somewhere(survey, manifest)) continue;
    survey.live.problems.push_back(
        {user,
         {Code::kDamaged, "its manifest " + manifest.hex() +
                              " is in no root; build the image again, or remove it with 'thaw rm'"}});
  }
}

std::vector<RootId> with_first(const RootId& root, std::vector<RootId> sources) {
  const auto found = std::ranges::find(sources, root);
  if (found != sources.end()) std::rotate(sources.begin(), found, found + 1);
  return sources;
}

Status for_user(const StoreSurvey& survey, const Digest& manifest, Status status) {
  if (status.ok() || status.error().code != Code::kDamaged) return status;
  return needed_by(status.error(), survey.live.used_by.at(manifest));
}

}  // namespace

const RootManifests* StoreSurvey::find(const RootId& root) const {
  const auto found =
      std::ranges::find(roots, root, [](const RootManifests& listed) { return listed.root.id; });
  return found == roots.end() ? nullptr : &*found;
}

bool StoreSurvey::in_active_root(const Digest& manifest) const {
  return std::ranges::any_of(roots, [&](const RootManifests& listed) {
    return listed.root.state == RootState::kActive && listed.has(manifest);
  });
}

const Root* StoreSurvey::target() const {
  const Root* partial = nullptr;
  for (const RootManifests& listed : roots) {
    if (listed.root.state != RootState::kActive) continue;
    if (listed.root.share == 100) return &listed.root;
    if (partial == nullptr) partial = &listed.root;
  }
  return partial;
}

std::vector<Digest> StoreSurvey::only_in(const RootId& root) const {
  std::vector<Digest> only;
  const RootManifests* here = find(root);
  if (here == nullptr || here->root.state == RootState::kActive) return only;
  for (const Digest& manifest : here->manifests) {
    if (live.uses(manifest) && !in_active_root(manifest)) only.push_back(manifest);
  }
  std::ranges::sort(only);
  return only;
}

std::vector<RootId> StoreSurvey::sources(const RootId& target) const {
  std::vector<RootId> sources;
  for (const RootManifests& other : roots) {
    if (other.root.id != target) sources.push_back(other.root.id);
  }
  return sources;
}

Result<StoreSurvey> survey_store(CollectRoom& room) {
  StoreSurvey survey;
  THAW_ASSIGN(survey.live, find_live(room));
  THAW_ASSIGN(survey.roots, list_manifests(room));
  note_lost_names(survey);
  return survey;
}

Result<CopyCounts> mend_copies(CollectRoom& room, const RootId& root, const ProgressFn& progress) {
  CopyCounts total;
  THAW_ASSIGN(const StoreSurvey survey, survey_store(room));
  const RootManifests* here = survey.find(root);
  if (here == nullptr) return total;
  for (const RootManifests& there : survey.roots) {
    if (there.root.state != RootState::kActive) continue;
    CopyForward copy(room, with_first(root, survey.sources(there.root.id)), there.root.id, progress);
    for (const Digest& manifest : here->manifests) {
      if (!survey.live.uses(manifest) || !there.has(manifest)) continue;
      THAW_TRY(for_user(survey, manifest, copy.mend(manifest)));
    }
    total += copy.counts();
  }
  return total;
}

Result<CopyCounts> move_live(CollectRoom& room, const RootId& root, const ProgressFn& progress) {
  CopyCounts total;
  for (int pass = 0; pass < kMaxPasses; ++pass) {
    THAW_ASSIGN(const StoreSurvey survey, survey_store(room));
    THAW_TRY(refuse_problems(survey.live.problems));
    const std::vector<Digest> wanted = survey.only_in(root);
    if (wanted.empty()) return total;
    const Root* target = survey.target();
    if (target == nullptr) {
      return Error{Code::kRefused, "root " + root +
                                       " holds images that are used, and there is no active root "
                                       "to copy them into; see 'thaw roots create'"};
    }
    CopyForward copy(room, with_first(root, survey.sources(target->id)), target->id, progress);
    for (const Digest& manifest : wanted) THAW_TRY(for_user(survey, manifest, copy.copy(manifest)));
    total += copy.counts();
  }
  return Error{Code::kFailed, "images in root " + root + " keep becoming used; try again"};
}

}  // namespace thaw
