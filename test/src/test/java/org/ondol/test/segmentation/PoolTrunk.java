package org.ondol.test.segmentation;

import java.util.ArrayList;
import java.util.List;
import org.ondol.Device;
import org.ondol.Tensor;
import org.ondol.grad.Parameter;
import org.ondol.grad.Parameters;
import org.ondol.models.layers.Net;
import org.ondol.models.layers.Units;
import org.ondol.models.layers.ConvUnit;
import org.ondol.models.trunks.Trunk;
import org.ondol.ops.ConvGeometry;
import org.ondol.ops.PoolGeometry;

/** Averages of the image at 1/2 to 1/16, through convolutions of 1 x 1 where there are channels. */
final class PoolTrunk implements Trunk {
  private final Units units;
  private final PoolGeometry pool;
  private final ConvUnit first;
  private final long channels;

  /** @param channels 0 for the image itself */
  PoolTrunk(Units units, PoolGeometry pool, long channels) {
    this.units = units;
    this.pool = pool;
    this.channels = channels == 0 ? 3 : channels;
    first = channels == 0 ? null : units.conv("first", 3, channels, 3, ConvGeometry.UNIT.padding(1)).relu();
  }

  @Override
  public <M> List<M> maps(Net<M> net, M image) {
    M x = first == null ? image : net.conv(image, first);
    List<M> maps = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      x = net.averagePool(x, pool);
      maps.add(x);
    }
    return maps;
  }

  @Override
  public List<Stage> stages() {
    List<Stage> stages = new ArrayList<>();
    for (int s = 2; s <= 16; s *= 2) stages.add(new Stage("pool" + s, s, channels));
    return stages;
  }

  @Override
  public Tensor preprocess(Tensor rgb) {
    return rgb;
  }

  @Override
  public Device device() {
    return units.device();
  }

  @Override
  public Parameters parameters() {
    return units.parameters();
  }

  @Override
  public void close() {
    units.own().forEach(Parameter::close);
  }
}
