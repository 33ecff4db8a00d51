package org.ondol.models.detection;

import java.util.List;
import org.ondol.Device;
import org.ondol.models.images.Picture;

/** What finds objects in pictures. It owns its parameters. */
public interface Detector extends AutoCloseable {
  /** The names of its classes; a label is a number in this list. */
  List<String> classes();

  /** What it finds in a picture of any size, in pixels of that picture, by falling score. */
  List<Detection> detect(Picture picture);

  /** The score above which its detections are worth showing, unless somebody wants others. */
  default double threshold() {
    return 0.3;
  }

  /** Where it runs. */
  Device device();

  @Override
  void close();
}
