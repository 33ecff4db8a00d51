package org.ondol.natives;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.ondol.spi.CacheFolders;

/**
 * Puts the native library from the jar into a file that the JVM can load. The file is named by its contents' hash and
 * appears by an atomic rename, so that several JVMs starting at once, or one that is killed while it writes, never leave a
 * half-written library where another would load it; a file that was tampered with or cut short is replaced.
 */
public final class NativeFile {
  private NativeFile() {}

  /** Named like JavaCPP's platforms, linux-x86_64 for one. */
  public static String platform() {
    String os = System.getProperty("os.name").toLowerCase(Locale.ROOT);
    String arch = System.getProperty("os.arch");
    return (os.contains("mac") ? "macosx" : os.contains("win") ? "windows" : "linux") + "-"
        + (arch.equals("amd64") ? "x86_64" : arch.equals("aarch64") ? "arm64" : arch);
  }

  /**
   * The library as a file.
   *
   * @param owner a class of the package that holds the library in a folder named after the platform
   * @param library its name without prefix and suffix
   * @return null if the jar holds none for this platform
   * @throws IOException naming every folder that was tried, if none could be written
   */
  public static Path extract(Class<?> owner, String library) throws IOException {
    byte[] content = resource(owner, System.mapLibraryName(library));
    byte[] hash = resource(owner, library + ".sha256");
    if (content == null || hash == null) return null;
    String name = System.mapLibraryName(library + "-" + new String(hash, 0, 16));
    List<String> failures = new ArrayList<>();
    for (Path folder : CacheFolders.list()) {
      try {
        return place(folder, name, content);
      } catch (IOException | SecurityException e) {
        failures.add(folder + " (" + e + ")");
      }
    }
    throw new IOException("the native library could not be written to any of " + String.join(", ", failures));
  }

  private static Path place(Path folder, String name, byte[] content) throws IOException {
    Files.createDirectories(folder);
    Path file = folder.resolve(name);
    if (holds(file, content)) return file;
    Path temporary = Files.createTempFile(folder, name, ".part");
    try {
      Files.write(temporary, content);
      Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } finally {
      Files.deleteIfExists(temporary);
    }
    return file;
  }

  private static boolean holds(Path file, byte[] content) throws IOException {
    return Files.isRegularFile(file) && Files.size(file) == content.length && Arrays.equals(Files.readAllBytes(file), content);
  }

  private static byte[] resource(Class<?> owner, String name) throws IOException {
    try (InputStream in = owner.getResourceAsStream(platform() + "/" + name)) {
      return in == null ? null : in.readAllBytes();
    }
  }
}
