package org.ondol.vector;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.ondol.Tensor;
import org.ondol.spi.RoiList;
import org.ondol.spi.RoiMaps;

/** The boxes of a call and the map, level * batch + image, that each is on. */
final class RoiRegions {
  private final Floats boxes;
  private final MemorySegment images;
  private final MemorySegment levels;
  private final long imagesAt;
  private final long levelsAt;
  private final long batch;
  private final int levelCount;

  RoiRegions(RoiList rois, RoiMaps maps) {
    boxes = Floats.of(rois.boxes());
    images = rois.images().segment();
    imagesAt = rois.images().offset();
    Tensor l = rois.levels();
    levels = l == null ? null : l.segment();
    levelsAt = l == null ? 0 : l.offset();
    batch = maps.batch();
    levelCount = maps.levels();
  }

  /** The map of a region, -1 where it is on none. */
  long map(long r) {
    int image = images.getAtIndex(ValueLayout.JAVA_INT_UNALIGNED, imagesAt + r);
    int level = levels == null ? 0 : levels.getAtIndex(ValueLayout.JAVA_INT_UNALIGNED, levelsAt + r);
    boolean there = image >= 0 && image < batch && level >= 0 && level < levelCount;
    return there ? level * batch + image : -1;
  }

  void box(long r, float[] box) {
    boxes.read(boxes.start + 4 * r, box, 0, 4);
  }
}
