package org.ondol.models.data;

import com.google.gson.Strictness;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import com.google.gson.stream.MalformedJsonException;
import java.io.EOFException;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** Reads a JSON file from front to back; what is wrong with it is said with its name. */
final class JsonFile {
  /** Reads the whole document. */
  interface Reading<T> {
    T of(JsonReader in) throws IOException;
  }

  private JsonFile() {}

  static <T> T read(Path file, Reading<T> reading) {
    try (JsonReader in = new JsonReader(Files.newBufferedReader(file))) {
      in.setStrictness(Strictness.STRICT);
      T result = reading.of(in);
      if (in.peek() != JsonToken.END_DOCUMENT) throw new DataException(file + " goes on after its end");
      return result;
    } catch (NoSuchFileException e) {
      throw new DataException("cannot read " + file + ": no such file", e);
    } catch (CharacterCodingException e) {
      throw new DataException(file + " is not UTF-8", e);
    } catch (MalformedJsonException | EOFException e) {
      throw new DataException(file + " is not JSON: " + e.getMessage(), e);
    } catch (IOException e) {
      throw new DataException("cannot read " + file + ": " + e.getMessage(), e);
    } catch (IllegalStateException | NumberFormatException e) { // another kind of value than asked for
      throw new DataException(file + " does not have the form that was expected: " + e.getMessage(), e);
    }
  }

  /** Whether the document is a list. */
  static boolean isList(Path file) {
    // Nothing of the rest is read.
    try (JsonReader in = new JsonReader(Files.newBufferedReader(file))) {
      return in.peek() == JsonToken.BEGIN_ARRAY;
    } catch (IOException e) {
      return false; // said when it is read
    }
  }
}
