package org.ondol.models.layers;

import java.util.List;

/** A network of maps, written once for every {@link Net}: {@code trunk::maps} is one. */
@FunctionalInterface
public interface Network {
  /** The network's results, from the image on. */
  <M> List<M> of(Net<M> net, M image);

  /** A network with one result: {@code squeezeNet::logits} is one. */
  @FunctionalInterface
  interface Single {
    <M> M of(Net<M> net, M image);
  }
}
