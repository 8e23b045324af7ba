#include "lib/oci/auth_challenge.h"

#include <algorithm>
#include <cctype>

namespace thaw {
namespace {

bool is_token_byte(unsigned char c) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~/";
  return std::isalnum(c) != 0 || kMarks.find(static_cast<char>(c)) != std::string_view::npos;
}

// Reads a header from its front.
class ChallengeScanner {
 public:
  explicit ChallengeScanner(std::string_view text) : rest_(text) {}

  bool at_end() const { return rest_.empty(); }

  void skip_blanks() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t"), rest_.size())); }

  bool take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  std::string take_token() {
    const auto* const end = std::ranges::find_if_not(rest_, is_token_byte);
    std::string token(rest_.begin(), end);
    rest_.remove_prefix(token.size());
    return token;
  }

  // A token, or what stands between quotation marks.
  std::string take_value() {
    if (!take('"')) return take_token();
    std::string value;
    while (!rest_.empty() && !take('"')) {
      if (take('\\') && rest_.empty()) break;
      value += rest_.front();
      rest_.remove_prefix(1);
    }
    return value;
  }

  void skip_byte() { rest_.remove_prefix(1); }

 private:
  std::string_view rest_;
};

std::string small_letters(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

}  // namespace

std::vector<AuthChallenge> parse_challenges(std::string_view header) {
  std::vector<AuthChallenge> challenges;
  ChallengeScanner scanner(header);
  for (;;) {
    scanner.skip_blanks();
    if (scanner.at_end()) return challenges;
    const std::string word = small_letters(scanner.take_token());
    if (word.empty()) {
      scanner.skip_byte();
      continue;
    }
    scanner.skip_blanks();
    if (!scanner.take('=')) {
      challenges.push_back({word, {}});
      continue;
    }
    scanner.skip_blanks();
    std::string value = scanner.take_value();
    if (!challenges.empty()) challenges.back().parameters.emplace(word, std::move(value));
  }
}

}  // namespace thaw
