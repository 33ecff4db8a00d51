package org.ondol.natives;

/**
 * A kernel family as one device calls it.
 *
 * @param name as the C ABI spells it
 * @param words size of its args struct
 * @param variant the index of the variant this device must use, or -1 for the best
 */
record Stem(String name, long words, long variant, Call.Plan plan, Call.Run run) {
  /** The stem with the named variant, or the best where null. */
  static Stem of(String name, String variant, Call.Plan plan, Call.Run run) {
    return new Stem(name, OndolLibrary.ondol_args_words(name), variant == null ? -1 : index(name, variant), plan, run);
  }

  private static long index(String stem, String variant) {
    for (long i = 0; ; i++) {
      String name = OndolLibrary.ondol_variant_name(stem, i);
      if (name == null) throw new IllegalStateException("kernel " + stem + " has no variant " + variant);
      if (name.equals(variant)) return i;
    }
  }
}
