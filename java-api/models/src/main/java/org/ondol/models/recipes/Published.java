package org.ondol.models.recipes;

import java.util.Map;
import java.util.Set;
import org.ondol.Tensor;
import org.ondol.grad.Parameter;
import org.ondol.grad.Parameters;
import org.ondol.models.training.Form;
import org.ondol.models.training.Recipe;
import org.ondol.models.training.Settings;
import org.ondol.models.weights.SafeTensors;

/** Trained weights that others published, as files that are no checkpoints: told by the names of their tensors. */
enum Published {
  /** The gated PixelCNN of the UvA deep learning tutorials (P. Lippe): MNIST, 256 shades. */
  PIXELCNN_MNIST(Pictures.GATED, Map.of("layers", "7", "width", "64"), new Form(new long[] {1, 28, 28}, 256, 0)) {
    @Override
    boolean wrote(Set<String> names) {
      return names.contains("conv_vstack.conv.weight") && names.contains("conv_layers.6.conv_horiz.conv.weight");
    }

    /** Layer i is conv_layers.i there; masked convolutions are named for the module within their module. */
    private String name(String own) {
      return own.replace("layers.", "conv_layers.").replaceFirst("^vertical", "conv_vstack.conv")
          .replaceFirst("^horizontal", "conv_hstack.conv").replaceFirst("^logits", "conv_out")
          .replace(".vertical", ".conv_vert.conv").replace(".horizontal", ".conv_horiz.conv")
          .replace(".between", ".conv_vert_to_horiz").replace(".out", ".conv_horiz_1x1");
    }

    @Override
    void load(SafeTensors file, Parameters parameters) {
      for (Parameter p : parameters) {
        Tensor t = p.tensor();
        p.assign(file.tensor(name(p.name()), t.device(), t.shape()));
      }
    }
  };

  private final Recipe recipe;
  private final Map<String, String> changes;
  private final Form form;

  Published(Recipe recipe, Map<String, String> changes, Form form) {
    this.recipe = recipe;
    this.changes = changes;
    this.form = form;
  }

  /** Whether these are the names of its tensors. */
  abstract boolean wrote(Set<String> names);

  /** Gives parameters their values, in the current scope. */
  abstract void load(SafeTensors file, Parameters parameters);

  /** The one whose file this is, or null. */
  static Published of(SafeTensors file) {
    for (Published p : values()) if (p.wrote(file.names())) return p;
    return null;
  }

  Recipe recipe() {
    return recipe;
  }

  Settings settings() {
    Settings s = recipe.settings();
    for (Map.Entry<String, String> e : changes.entrySet()) s = s.with(e.getKey(), e.getValue());
    return s;
  }

  Form form() {
    return form;
  }
}
