package org.ondol;

/** Something in a {@link Recording} that would not happen again when it is replayed. */
public class RecordingException extends OndolException {
  public RecordingException(String device, String what) {
    super("a recording on device \"" + device + "\" cannot hold " + what);
  }
}
