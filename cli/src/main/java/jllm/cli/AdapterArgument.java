package jllm.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import jllm.format.ModelFile;
import jllm.format.WeightSource;
import jllm.format.lora.AdapterFiles;
import jllm.format.lora.Fingerprint;
import jllm.format.lora.LoraAdapter;
import jllm.format.lora.ScaledAdapter;

/**
 * An adapter as it is named on the command line.
 *
 * @param factor on its changes
 */
record AdapterArgument(Path path, float factor) {
  private static final System.Logger LOG = System.getLogger(AdapterArgument.class.getName());

  /**
   * From {@code PATH} or {@code PATH:FACTOR}. A colon in the name of a file that is there is no
   * separator.
   *
   * @param option for the message
   */
  static AdapterArgument parse(String option, String text) {
    int colon = text.lastIndexOf(':');
    if (colon < 0 || Files.exists(ChatFolder.typed(text))) {
      return new AdapterArgument(ChatFolder.typed(text), 1);
    }
    float factor;
    try {
      factor = Float.parseFloat(text.substring(colon + 1));
    } catch (NumberFormatException e) {
      factor = Float.NaN;
    }
    if (!Float.isFinite(factor) || colon == 0) {
      throw new UsageException(
          option + " is '" + text + "', expected a path, or one with a number as in adapter:0.5");
    }
    return new AdapterArgument(ChatFolder.typed(text.substring(0, colon)), factor);
  }

  /** These adapters with this one in its place or at the end; without it, if its factor is 0. */
  List<AdapterArgument> among(List<AdapterArgument> others) {
    List<AdapterArgument> all = new ArrayList<>(others);
    Path own = path.toAbsolutePath().normalize();
    int at = 0;
    while (at < all.size() && !all.get(at).path.toAbsolutePath().normalize().equals(own)) {
      at++;
    }
    if (at < all.size()) {
      all.remove(at);
    } else if (factor == 0) {
      throw new UsageException("there is no adapter " + path + " to take away");
    }
    if (factor != 0) {
      all.add(at, this);
    }
    return List.copyOf(all);
  }

  /** Such as {@code notes:0.5}, as it is given. */
  @Override
  public String toString() {
    return factor == 1 ? path.toString() : path + ":" + factor;
  }

  /**
   * Opens adapters for a model, and warns of those that were trained on another.
   *
   * @param scale on the factors of all
   */
  static LoadedAdapters load(List<AdapterArgument> arguments, float scale, ModelFile model)
      throws IOException {
    List<ScaledAdapter> loaded = new ArrayList<>();
    if (arguments.isEmpty()) {
      return new LoadedAdapters(loaded);
    }
    WeightSource weights = model.weights();
    String fingerprint = Fingerprint.of(weights);
    boolean complete = false;
    try {
      for (AdapterArgument argument : arguments) {
        LoraAdapter adapter = AdapterFiles.open(argument.path(), weights);
        loaded.add(new ScaledAdapter(adapter, argument.factor() * scale));
        String trainedOn = adapter.origin().fingerprint();
        if (trainedOn != null && !trainedOn.equals(fingerprint)) {
          LOG.log(
              System.Logger.Level.WARNING,
              "%s was trained on another model (%s) than %s: what comes out may make no sense"
                  .formatted(argument.path(), adapter.origin().base(), model.path()));
        }
      }
      complete = true;
      return new LoadedAdapters(loaded);
    } finally {
      if (!complete) {
        loaded.forEach(adapter -> adapter.adapter().close());
      }
    }
  }
}
