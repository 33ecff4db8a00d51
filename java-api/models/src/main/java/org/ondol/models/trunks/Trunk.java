package org.ondol.models.trunks;

import java.util.List;
import org.ondol.Device;
import org.ondol.Tensor;
import org.ondol.grad.Parameters;
import org.ondol.models.layers.Net;

/** A network that turns an image into maps of falling size. */
public interface Trunk extends AutoCloseable {
  /**
   * One of the maps.
   *
   * @param name of the layer that makes it, as its paper calls it
   * @param stride pixels of the image to one of the map
   */
  record Stage(String name, int stride, long channels) {}

  Device device();

  /** The parameters of the model that the trunk is a part of. */
  Parameters parameters();

  /** By growing stride. */
  List<Stage> stages();

  /**
   * One map for each stage.
   *
   * @param image [N, 3, H, W] as {@link #preprocess} makes it
   */
  <M> List<M> maps(Net<M> net, M image);

  /**
   * Images as the trunk was trained on them: mean, scale and order of the colours.
   *
   * @param rgb [N, 3, H, W] of 0 to 1
   */
  Tensor preprocess(Tensor rgb);

  /** Frees the trunk's parameters. */
  @Override
  void close();
}
