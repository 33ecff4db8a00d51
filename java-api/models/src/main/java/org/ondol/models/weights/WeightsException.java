package org.ondol.models.weights;

import org.ondol.OndolException;

/** Trained parameters or a tokenizer that are absent, damaged or not those of the model. */
public class WeightsException extends OndolException {
  public WeightsException(String message) {
    super(message);
  }

  public WeightsException(String message, Throwable cause) {
    super(message, cause);
  }
}
