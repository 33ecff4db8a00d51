package org.ondol.spi;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Where files are kept that can be had again. */
public final class CacheFolders {
  private CacheFolders() {}

  /**
   * Folders in the order in which they are to be tried, none of which need exist: what the property {@code ondol.cache} or
   * the environment's {@code ONDOL_CACHE} names, the user's cache folder, and one for temporary files.
   */
  public static List<Path> list() {
    List<Path> folders = new ArrayList<>();
    String chosen = System.getProperty("ondol.cache", System.getenv("ONDOL_CACHE"));
    if (chosen != null) folders.add(Path.of(chosen));
    String cache = System.getenv("XDG_CACHE_HOME");
    folders.add(cache != null && !cache.isBlank() ? Path.of(cache, "ondol")
        : Path.of(System.getProperty("user.home"), ".cache", "ondol"));
    folders.add(Path.of(System.getProperty("java.io.tmpdir"), "ondol-" + System.getProperty("user.name")));
    return folders;
  }
}
