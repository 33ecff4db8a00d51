package org.ondol.models.detection;

import java.util.List;
import org.ondol.models.data.Size;
import org.ondol.models.images.Picture;

/**
 * A detector whose regions come from elsewhere: proposing them and looking at them are two steps, of which each can be
 * measured alone.
 */
public interface RegionBased extends Detector {
  /** The size at which pictures are looked at. */
  Size input();

  /** A picture at the size at which pictures are looked at. */
  default Picture resized(Picture picture) {
    return picture.resized(input().width(), input().height());
  }

  /** Regions of a picture of that size, x1, y1, x2, y2 one after the other, the most promising first. */
  float[] propose(Picture picture);

  /** What is seen in regions of a picture of that size, by falling score, in its pixels. */
  List<Detection> detect(Picture picture, float[] regions);

  @Override
  default List<Detection> detect(Picture picture) {
    Picture seen = resized(picture);
    double x = (double) picture.width() / seen.width();
    double y = (double) picture.height() / seen.height();
    return detect(seen, propose(seen)).stream().map(d -> d.scaled(x, y)).toList();
  }
}
