package org.ondol.models.recipes;

import org.ondol.models.segmentation.Segmenter;

/** An experiment whose model tells for each pixel of a picture what it shows. */
public interface Segmenting {
  /** The model for use; it is closed with the experiment. */
  Segmenter segmenter();
}
