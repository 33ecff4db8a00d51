package org.ondol.test.models;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.ondol.models.weights.Download;

/** Files from a server that may lie, break off or be gone. */
class DownloadTest {
  /** The SHA-256 of "abc" (FIPS 180-2, appendix B.1). */
  private static final Download ABC = new Download("some/one@c0ffee", "a/folder/abc.bin", 3,
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  private static final String PROPERTY = "ondol.download";

  @TempDir
  private Path folder;
  private HttpServer server;
  private String before;

  @BeforeEach
  void start() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.start();
    before = System.getProperty(PROPERTY);
    System.setProperty(PROPERTY, "http://localhost:" + server.getAddress().getPort());
  }

  @AfterEach
  void stop() {
    server.stop(0);
    if (before == null) System.clearProperty(PROPERTY); else System.setProperty(PROPERTY, before);
  }

  private void serve(String content, int announced) {
    server.createContext("/some/one/c0ffee/a/folder/abc.bin", exchange -> {
      exchange.sendResponseHeaders(200, announced);
      exchange.getResponseBody().write(content.getBytes());
      exchange.close();
    });
  }

  private List<Path> files() throws IOException {
    if (!Files.exists(folder.resolve("new"))) return List.of();
    try (Stream<Path> all = Files.list(folder.resolve("new"))) {
      return all.toList();
    }
  }

  private String refusal() throws IOException {
    String message = assertThrows(IOException.class, () -> ABC.into(folder.resolve("new"))).getMessage();
    assertEquals(List.of(), files());
    assertTrue(message.contains("a/folder/abc.bin") && message.contains(Download.server()), message);
    return message;
  }

  @Test
  void gets() throws IOException {
    serve("abc", 3);
    assertFalse(ABC.isIn(folder.resolve("new")));
    ABC.into(folder.resolve("new"));
    assertEquals(List.of(folder.resolve("new/abc.bin")), files());
    assertArrayEquals("abc".getBytes(), Files.readAllBytes(folder.resolve("new/abc.bin")));
    assertTrue(ABC.isIn(folder.resolve("new")));
    for (String other : new String[] {"abd", "ab", "abcd", ""}) {
      Files.writeString(folder.resolve("new/abc.bin"), other);
      assertFalse(ABC.isIn(folder.resolve("new")), other);
    }
    ABC.into(folder.resolve("new"));
    assertTrue(ABC.isIn(folder.resolve("new")), "what is not the file is replaced by it");
  }

  @Test
  void refusesOtherContents() throws IOException {
    serve("abd", 3);
    String message = refusal();
    assertTrue(message.contains("SHA-256") && message.contains(ABC.sha256()), message);
  }

  @Test
  void refusesWhatIsTooLarge() throws IOException {
    serve("abc".repeat(10_000_000), 30_000_000);
    refusal();
  }

  @Test
  void refusesWhatBreaksOff() throws IOException {
    serve("ab", 3);
    refusal();
  }

  @Test
  void saysWhatTheServerSaid() throws IOException {
    assertTrue(refusal().contains("404"));
  }

  @Test
  void saysThatThereIsNoServer() throws IOException {
    int port;
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = socket.getLocalPort();
    }
    System.setProperty(PROPERTY, "http://localhost:" + port);
    refusal();
  }

  @Test
  void saysThatItCannotBeWritten() throws IOException {
    serve("abc", 3);
    Path file = Files.writeString(folder.resolve("file"), "no folder");
    assertThrows(IOException.class, () -> ABC.into(file.resolve("new")));
    assertEquals("no folder", Files.readString(file));
  }
}
