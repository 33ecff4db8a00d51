package org.ondol.models.data;

/**
 * Examples to train with, to choose by and to report on.
 *
 * @param name such as "binarized-mnist"
 * @param valid null where the source has none
 * @param test null where the source has none
 */
public record DataSet(String name, Examples train, Examples valid, Examples test) {
  /** A part by its name: train, valid or test. */
  public Examples part(String which) {
    Examples part = switch (which) {
      case "train" -> train;
      case "valid" -> valid;
      case "test" -> test;
      default -> throw new DataException("no part is called \"" + which + "\", expected train, valid or test");
    };
    if (part == null) throw new DataException(name + " has no " + which + " part");
    return part;
  }

  /** What a run is judged by while it goes on: the valid part, or the test part where there is none. */
  public Examples heldOut() {
    return valid != null ? valid : test;
  }
}
