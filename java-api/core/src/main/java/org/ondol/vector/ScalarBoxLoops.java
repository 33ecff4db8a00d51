package org.ondol.vector;

/** {@link BoxLoops} with scalar code. */
final class ScalarBoxLoops implements BoxLoops {
  @Override
  public int collect(float[] x, int begin, int end, int base, int floor, int flip, Order.Words words) {
    int i = begin;
    for (int room = words.words.length - LANES; i < end && words.count <= room; i++) {
      int key = Order.key(x[i], flip);
      if (key > floor) {
        words.add(key, base + i);
      }
    }
    return i;
  }

  @Override
  public void best(float[] x, int begin, int end, int base, int flip, int k, Order.Words words) {
    for (int i = begin; i < end; i++) {
      int key = Order.key(x[i], flip);
      if (key > Order.key(words.words[k - 1])) {
        words.insert(key, base + i, k);
      }
    }
  }

  private static float inter(BoxColumns boxes, int i, float[] box, float offset) {
    float w = ((boxes.x2[i] < box[2] ? boxes.x2[i] : box[2]) - (boxes.x1[i] > box[0] ? boxes.x1[i] : box[0])) + offset;
    float h = ((boxes.y2[i] < box[3] ? boxes.y2[i] : box[3]) - (boxes.y1[i] > box[1] ? boxes.y1[i] : box[1])) + offset;
    return (w > 0 ? w : 0) * (h > 0 ? h : 0);
  }

  private static boolean suppresses(float inter, float union, float threshold, boolean inclusive) {
    return inclusive ? inter >= threshold * union && union > 0 : inter > threshold * union;
  }

  private static float iou(float inter, float union) {
    return union > 0 ? inter / union : 0;
  }

  @Override
  public boolean suppressed(BoxColumns kept, int n, float[] box, float offset, float threshold, boolean inclusive) {
    for (int i = 0; i < n; i++) {
      float inter = inter(kept, i, box, offset);
      if (suppresses(inter, (kept.area[i] + box[4]) - inter, threshold, inclusive)) {
        return true;
      }
    }
    return false;
  }

  @Override
  public void overlap(BoxColumns boxes, int n, float[] box, float offset, float[] inter, float[] union) {
    for (int i = 0; i < n; i++) {
      inter[i] = inter(boxes, i, box, offset);
      union[i] = (boxes.area[i] + box[4]) - inter[i];
    }
  }

  @Override
  public void linear(float[] inter, float[] union, int n, float threshold, boolean inclusive) {
    for (int i = 0; i < n; i++) {
      inter[i] = suppresses(inter[i], union[i], threshold, inclusive) ? 1 - iou(inter[i], union[i]) : 1;
    }
  }

  @Override
  public void gaussian(float[] inter, float[] union, int n, float c) {
    for (int i = 0; i < n; i++) {
      float iou = iou(inter[i], union[i]);
      inter[i] = ScalarMath.exp((iou * iou) * c);
    }
  }

  @Override
  public int decay(float[] scores, float[] factor, int n, float floor) {
    int best = -1;
    for (int i = 0; i < n; i++) {
      float decayed = scores[i] * factor[i];
      scores[i] = scores[i] >= floor && decayed >= floor ? decayed : SoftNms.GONE;
      if (scores[i] > (best < 0 ? SoftNms.GONE : scores[best])) {
        best = i;
      }
    }
    return best;
  }
}
