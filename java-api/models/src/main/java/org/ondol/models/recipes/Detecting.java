package org.ondol.models.recipes;

import org.ondol.models.detection.Detector;

/** An experiment whose model finds objects in pictures. */
public interface Detecting {
  /** The model. It is closed with the experiment. */
  Detector detector();
}
