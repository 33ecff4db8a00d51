package org.ondol.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Properties;
import picocli.CommandLine.IVersionProvider;

/** The version of this build and of what it runs on. */
final class Version implements IVersionProvider {
  static String ondol() {
    try (InputStream in = Version.class.getResourceAsStream("version.properties")) {
      Properties properties = new Properties();
      properties.load(in);
      return properties.getProperty("version");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static String platform() {
    return "Java %d (%s %s), %s %s".formatted(Runtime.version().feature(), System.getProperty("java.vm.name"),
        System.getProperty("java.version"), System.getProperty("os.name"), System.getProperty("os.arch"));
  }

  @Override
  public String[] getVersion() {
    return new String[] {"Ondol " + ondol(), platform()};
  }
}
