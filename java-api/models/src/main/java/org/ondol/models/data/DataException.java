package org.ondol.models.data;

import org.ondol.OndolException;

/** A data set that is absent, damaged, or not of the kind that was expected. */
public class DataException extends OndolException {
  public DataException(String message) {
    super(message);
  }

  public DataException(String message, Throwable cause) {
    super(message, cause);
  }
}
