#include "cache/flash/flash_format.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  thaw::Bytes page(data, data + size);
  page.resize(thaw::kFlashPage);
  (void)thaw::read_superblock(page);
  (void)thaw::read_ledger(page);
  const auto geometry = thaw::FlashGeometry::of(64 << 20);
  const thaw::FlashLogId log{};
  const auto record = thaw::read_record_header(geometry, log, 0, page);
  if (record && record->record.end_page() > geometry.record_pages()) __builtin_trap();
  thaw::Bytes pages(data, data + size);
  pages.resize(geometry.footer_pages() * thaw::kFlashPage);
  const auto footer = thaw::read_footer(geometry, log, pages);
  if (footer && footer->records.size() > geometry.max_records()) __builtin_trap();
  return 0;
}
