package org.ondol.bench.peers;

import static org.bytedeco.opencv.global.opencv_core.CV_8UC3;
import static org.bytedeco.opencv.global.opencv_core.setNumThreads;
import static org.bytedeco.opencv.global.opencv_imgproc.COLOR_BGR2HSV;
import static org.bytedeco.opencv.global.opencv_imgproc.COLOR_BGR2Lab;
import static org.bytedeco.opencv.global.opencv_imgproc.cvtColor;
import static org.bytedeco.opencv.global.opencv_ximgproc.createGraphSegmentation;
import static org.bytedeco.opencv.global.opencv_ximgproc.createSelectiveSearchSegmentation;
import static org.bytedeco.opencv.global.opencv_ximgproc.createSelectiveSearchSegmentationStrategyColor;
import static org.bytedeco.opencv.global.opencv_ximgproc.createSelectiveSearchSegmentationStrategyFill;
import static org.bytedeco.opencv.global.opencv_ximgproc.createSelectiveSearchSegmentationStrategyMultiple;
import static org.bytedeco.opencv.global.opencv_ximgproc.createSelectiveSearchSegmentationStrategySize;
import static org.bytedeco.opencv.global.opencv_ximgproc.createSelectiveSearchSegmentationStrategyTexture;

import java.awt.image.DataBufferByte;
import java.util.Map;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.opencv.opencv_core.Mat;
import org.bytedeco.opencv.opencv_core.Rect;
import org.bytedeco.opencv.opencv_core.RectVector;
import org.bytedeco.opencv.opencv_ximgproc.SelectiveSearchSegmentation;
import org.ondol.bench.Contender;
import org.ondol.bench.stems.ProposalsStem;
import org.ondol.bench.stems.ProposalsStem.Photograph;

/**
 * OpenCV's selective search with the paper's fast settings: HSV and Lab, k of 50 and 100, and the same two sums of measures.
 * (Its own presets take other scales.)
 */
public final class OpenCvProposals implements Contender<Photograph> {
  private static final double SIGMA = 0.8;

  private final int threads;
  private int width;
  private int height;
  private byte[] pixels;
  private float[] boxes;

  public OpenCvProposals(int threads) {
    this.threads = threads;
  }

  @Override
  public String name() {
    return "opencv";
  }

  @Override
  public String variant() {
    return ProposalsStem.threads(threads);
  }

  @Override
  public boolean peer() {
    return true;
  }

  @Override
  public void prepare(Photograph c) throws Exception {
    try {
      setNumThreads(threads);
    } catch (LinkageError e) {
      throw new Unavailable("OpenCV cannot be loaded: " + e.getMessage());
    }
    width = c.image().getWidth();
    height = c.image().getHeight();
    pixels = ((DataBufferByte) c.image().getRaster().getDataBuffer()).getData();
  }

  @Override
  public void run() {
    setNumThreads(threads);
    try (PointerScope scope = new PointerScope()) {
      Mat image = new Mat(height, width, CV_8UC3, new BytePointer(pixels));
      SelectiveSearchSegmentation search = createSelectiveSearchSegmentation();
      search.setBaseImage(image);
      for (int code : new int[] {COLOR_BGR2HSV, COLOR_BGR2Lab}) {
        Mat converted = new Mat();
        cvtColor(image, converted, code);
        search.addImage(converted);
      }
      for (int scale : new int[] {50, 100}) {
        search.addGraphSegmentation(createGraphSegmentation(SIGMA, scale, scale));
      }
      search.addStrategy(createSelectiveSearchSegmentationStrategyMultiple(
          createSelectiveSearchSegmentationStrategyColor(), createSelectiveSearchSegmentationStrategyFill(),
          createSelectiveSearchSegmentationStrategyTexture(), createSelectiveSearchSegmentationStrategySize()));
      search.addStrategy(createSelectiveSearchSegmentationStrategyMultiple(
          createSelectiveSearchSegmentationStrategyFill(), createSelectiveSearchSegmentationStrategyTexture(),
          createSelectiveSearchSegmentationStrategySize()));
      RectVector found = new RectVector();
      search.process(found);
      boxes = boxes(found);
    }
  }

  private static float[] boxes(RectVector found) {
    float[] boxes = new float[(int) (4 * found.size())];
    for (int i = 0; i < boxes.length / 4; i++) {
      Rect r = found.get(i);
      boxes[4 * i] = r.x();
      boxes[4 * i + 1] = r.y();
      boxes[4 * i + 2] = r.x() + r.width();
      boxes[4 * i + 3] = r.y() + r.height();
    }
    return boxes;
  }

  @Override
  public Map<String, float[]> result() {
    return Map.of("opencv's boxes", boxes);
  }
}
