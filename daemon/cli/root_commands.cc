#include <nlohmann/json.hpp>
#include <unordered_set>

#include "daemon/cli/command.h"
#include "daemon/store_session.h"

namespace thaw {
namespace {

using Json = nlohmann::json;

constexpr size_t kPage = 1000;

struct RootSize {
  uint64_t chunks = 0;
  uint64_t bytes = 0;
};

Result<RootSize> count_chunks(Catalog& catalog, const RootId& root) {
  RootSize size;
  ListOptions page{chunk_folder(root), "", kPage};
  for (;;) {
    THAW_ASSIGN(const auto listed, catalog.list(page));
    for (const ListedObject& object : listed) {
      ++size.chunks;
      size.bytes += object.size;
    }
    if (listed.size() < kPage) return size;
    page.start_after = listed.back().key;
  }
}

Status list_roots(Invocation& invocation) {
  THAW_ASSIGN(invocation.config, load_config(invocation.config_file));
  THAW_ASSIGN(const auto session, StoreSession::open(invocation.config, StoreUse::kRead, KeyringUse::kRead));
  THAW_ASSIGN(const auto roots, session->catalog().roots());
  Json rows = Json::array();
  std::string text;
  for (const Root& root : roots) {
    THAW_ASSIGN(const RootSize size, count_chunks(session->catalog(), root.id));
    const std::string state(root_state_name(root.state));
    rows.push_back({{"id", root.id}, {"state", state}, {"chunks", size.chunks}, {"bytes", size.bytes}});
    text += root.id + "  " + state + "  " + std::to_string(size.chunks) + " chunks, " +
            format_size(size.bytes) + "\n";
  }
  invocation.print({{"roots", rows}}, text);
  return {};
}

}  // namespace

void add_root_commands(CLI::App& app, Invocation& invocation) {
  CLI::App* group = app.add_subcommand("roots", "The generations of the store");
  group->require_subcommand(1);
  group->add_subcommand("list", "State and size of each root")->callback([&invocation] {
    invocation.action = list_roots;
  });
}

}  // namespace thaw
