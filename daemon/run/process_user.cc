#include "daemon/run/process_user.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <sstream>

#include "daemon/run/root_lookup.h"

namespace thaw {
namespace {

using Fields = std::vector<std::string>;

std::vector<Fields> read_table(const std::string& root, const std::string& path, size_t columns) {
  std::vector<Fields> rows;
  const auto text = read_in_root(root, path);
  if (!text.ok()) return rows;
  std::istringstream lines(text.value());
  for (std::string line; std::getline(lines, line);) {
    Fields row;
    std::istringstream cells(line);
    for (std::string cell; std::getline(cells, cell, ':');) row.push_back(cell);
    row.resize(std::max(row.size(), columns));
    rows.push_back(std::move(row));
  }
  return rows;
}

std::optional<uint32_t> number(const std::string& text) {
  uint32_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool lists_member(const std::string& members, const std::string& user) {
  std::istringstream names(members);
  for (std::string name; std::getline(names, name, ',');) {
    if (name == user) return true;
  }
  return false;
}

const Fields* find_row(const std::vector<Fields>& rows, const std::string& key) {
  const auto by_name = std::ranges::find_if(rows, [&key](const Fields& row) { return row[0] == key; });
  if (by_name != rows.end()) return &*by_name;
  const auto by_number = std::ranges::find_if(rows, [&key](const Fields& row) { return row[2] == key; });
  return by_number == rows.end() ? nullptr : &*by_number;
}

}  // namespace

Result<ProcessUser> resolve_user(const std::string& root, const std::string& wanted) {
  const std::string name = wanted.substr(0, wanted.find(':'));
  const std::string group = wanted.find(':') == std::string::npos ? "" : wanted.substr(wanted.find(':') + 1);
  const auto groups = read_table(root, "/etc/group", 4);
  ProcessUser user;
  const auto users = read_table(root, "/etc/passwd", 7);
  const Fields* row = find_row(users, name.empty() ? "0" : name);
  if (row == nullptr && !name.empty() && !number(name)) {
    return Error{Code::kUsage, "user \"" + name + "\" is not in the image's /etc/passwd"};
  }
  user.uid = row != nullptr ? number((*row)[2]).value_or(0) : number(name).value_or(0);
  if (row != nullptr) {
    user.gid = number((*row)[3]).value_or(0);
    if (!(*row)[5].empty()) user.home = (*row)[5];
    for (const Fields& entry : groups) {
      if (lists_member(entry[3], (*row)[0])) user.extra_gids.push_back(number(entry[2]).value_or(0));
    }
  }
  if (group.empty()) return user;
  const Fields* group_row = find_row(groups, group);
  if (group_row == nullptr && !number(group)) {
    return Error{Code::kUsage, "group \"" + group + "\" is not in the image's /etc/group"};
  }
  user.gid = number(group_row != nullptr ? (*group_row)[2] : group).value_or(0);
  user.extra_gids.clear();
  return user;
}

}  // namespace thaw
