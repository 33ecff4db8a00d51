// Queries about the library as a whole.
#include <string.h>

#include "stem.h"

#ifndef ONDOL_VERSION
#error "ONDOL_VERSION comes from the build"
#endif

namespace ondol {

#define ONDOL_STEM(stem, folder) extern const StemInfo stem_##stem;
#include "stems.inc"
#undef ONDOL_STEM

namespace {

const StemInfo* const stems[] = {
#define ONDOL_STEM(stem, folder) &stem_##stem,
#include "stems.inc"
#undef ONDOL_STEM
};

const StemInfo* find(const char* name) {
  for (const StemInfo* stem : stems) {
    if (name != nullptr && strcmp(stem->name, name) == 0) return stem;
  }
  return nullptr;
}

const Variant* find_variant(const char* name, int64_t index) {
  const StemInfo* stem = find(name);
  return stem == nullptr ? nullptr : stem->variant(index);
}

}  // namespace
}  // namespace ondol

const char* ondol_variant_name(const char* stem, int64_t index) {
  const ondol::Variant* variant = ondol::find_variant(stem, index);
  return variant == nullptr ? nullptr : variant->name;
}

int64_t ondol_variant_available(const char* stem, int64_t index, const char** why) {
  const ondol::Variant* variant = ondol::find_variant(stem, index);
  const char* missing = variant == nullptr ? "there is no such variant" : variant->missing();
  if (why != nullptr) *why = missing;
  return missing == nullptr;
}

int64_t ondol_args_words(const char* name) {
  const ondol::StemInfo* stem = ondol::find(name);
  return stem == nullptr ? -1 : stem->words;
}

void ondol_set_threads(int64_t threads) {
  ondol::set_thread_count(threads);
}

int64_t ondol_threads() {
  return ondol::thread_count();
}

const char* ondol_version() {
  return ONDOL_VERSION;
}
