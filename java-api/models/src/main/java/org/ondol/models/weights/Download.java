package org.ondol.models.weights;

import java.io.IOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodySubscribers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.HexFormat;

/**
 * A file of a repository on GitHub, as it was at one commit. It is known by its hash: one that is kept is taken, one that
 * comes with other contents is refused.
 *
 * @param repository owner/name@commit
 * @param path in the repository
 * @param bytes its size
 * @param sha256 in hexadecimal digits
 */
public record Download(String repository, String path, int bytes, String sha256) {
  private static final String SERVER = "https://raw.githubusercontent.com";
  private static final Duration CONNECTING = Duration.ofSeconds(5);
  private static final Duration ANSWER = Duration.ofSeconds(30);

  /** Where files come from: the property {@code ondol.download} may name a mirror. */
  public static String server() {
    return System.getProperty("ondol.download", SERVER);
  }

  /** The file's name, which is also the one under which it is kept. */
  public String name() {
    return path.substring(path.lastIndexOf('/') + 1);
  }

  /** Whether a folder holds the file, whole. */
  public boolean isIn(Path folder) throws IOException {
    Path file = folder.resolve(name());
    return Files.isRegularFile(file) && Files.size(file) == bytes && hash(Files.readAllBytes(file)).equals(sha256);
  }

  /**
   * Gets the file and puts it into a folder, which is made where it is missing: whole or not at all.
   *
   * @throws IOException naming the address, if nothing comes within half a minute or it is not the file; or if it cannot
   *     be written
   */
  public void into(Path folder) throws IOException {
    byte[] content = get();
    Files.createDirectories(folder);
    Path temporary = Files.createTempFile(folder, name(), ".part");
    try {
      Files.write(temporary, content);
      Files.move(temporary, folder.resolve(name()), StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } finally {
      Files.deleteIfExists(temporary);
    }
  }

  private byte[] get() throws IOException {
    URI uri = URI.create(server() + "/" + repository.replace('@', '/') + "/" + path);
    try (HttpClient client = HttpClient.newBuilder().connectTimeout(CONNECTING)
        .followRedirects(HttpClient.Redirect.NORMAL).build()) {
      HttpResponse<byte[]> response = client.send(HttpRequest.newBuilder(uri).timeout(ANSWER).build(),
          answer -> answer.statusCode() == 200 ? BodySubscribers.limiting(BodySubscribers.ofByteArray(), bytes)
              : BodySubscribers.replacing(new byte[0]));
      if (response.statusCode() != 200) throw new IOException(uri + " answered " + response.statusCode());
      String hash = hash(response.body());
      if (!hash.equals(sha256)) throw new IOException(uri + " has the SHA-256 " + hash + ", expected " + sha256);
      return response.body();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted while getting " + uri, e);
    } catch (ConnectException e) {
      throw new IOException("no connection to " + server() + " for " + path, e);
    } catch (IOException e) {
      String why = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
      throw why.contains(uri.toString()) ? e : new IOException("cannot get " + uri + ": " + why, e);
    }
  }

  private static String hash(byte[] content) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(content));
    } catch (NoSuchAlgorithmException e) { // every Java platform has it
      throw new IllegalStateException(e);
    }
  }
}
