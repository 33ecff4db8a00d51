package org.ondol.natives;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/**
 * A kernel variant as the native library lists it.
 *
 * @param why the reason where it cannot run on this machine, else null
 */
record Variant(String name, String why) {
  private static final int TEXT = 256;

  /** The variants of a stem, best first. */
  static List<Variant> of(String stem) {
    List<Variant> all = new ArrayList<>();
    try (Arena arena = Arena.ofConfined()) {
      long text = arena.allocateFrom(stem).address();
      MemorySegment why = arena.allocate(ValueLayout.JAVA_LONG);
      for (long i = 0; ; i++) {
        long name = OndolLibrary.ondol_variant_name(text, i);
        if (name == 0) return all;
        boolean available = OndolLibrary.ondol_variant_available(text, i, why.address()) != 0;
        all.add(new Variant(string(arena, name), available ? null : string(arena, why.get(ValueLayout.JAVA_LONG, 0))));
      }
    }
  }

  /** Words of a stem's args struct. */
  static long argsWords(String stem) {
    try (Arena arena = Arena.ofConfined()) {
      return OndolLibrary.ondol_args_words(arena.allocateFrom(stem).address());
    }
  }

  private static String string(Arena arena, long address) {
    MemorySegment copy = arena.allocate(TEXT);
    OndolLibrary.strncpy(copy.address(), address, TEXT - 1);
    return copy.getString(0);
  }
}
