package jllm.format.lora;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import jllm.format.Json;
import jllm.format.ModelFormatException;
import jllm.format.StoredTensor;
import jllm.format.TensorFile;
import jllm.format.model.LinearLayers;
import jllm.format.pytorch.PytorchFile;
import jllm.format.safetensors.SafetensorsFile;

/**
 * Reads adapters as PEFT saves them: {@code adapter_config.json} beside {@code
 * adapter_model.safetensors} (or, of old, {@code adapter_model.bin}).
 */
final class PeftAdapter {
  static final String CONFIG = "adapter_config.json";
  static final String WEIGHTS = "adapter_model.safetensors";

  /** In the metadata of the weights: other programs refuse entries of the configuration. */
  static final String FINGERPRINT = "base_model_norms_sha256";

  private static final String PICKLED = "adapter_model.bin";

  /** A saved adapter may have its own name between. */
  private static final Pattern NAME =
      Pattern.compile("(?:base_model\\.model\\.)?(.+)\\.lora_([AB])(?:\\.\\w+)?\\.weight");

  private PeftAdapter() {}

  static LoraAdapter read(Path folder, LinearLayers layers) throws IOException {
    Path file = folder.resolve(CONFIG);
    if (!Files.isRegularFile(file)) {
      throw new NoSuchFileException(file.toString(), null, "the folder holds no adapter of PEFT");
    }
    PeftConfig config = PeftConfig.of(file.toString(), Json.read(file));
    Path weights = folder.resolve(WEIGHTS);
    Path pickled = folder.resolve(PICKLED);
    boolean old = !Files.exists(weights) && Files.exists(pickled);
    try (TensorFile tensors = old ? PytorchFile.open(pickled) : SafetensorsFile.open(weights)) {
      return read(folder.toString(), config, tensors, layers);
    }
  }

  private static LoraAdapter read(
      String folder, PeftConfig config, TensorFile file, LinearLayers layers) throws IOException {
    StoredPairs found = new StoredPairs(folder, layers);
    for (StoredTensor tensor : file.tensors().values()) {
      Matcher name = NAME.matcher(tensor.name());
      boolean matches = name.matches();
      found.add(
          matches ? layers.ofModule(name.group(1)) : null,
          matches && name.group(2).equals("A"),
          tensor);
    }
    Arena arena = Arena.ofShared();
    boolean done = false;
    try {
      Map<String, LoraPair> pairs =
          found.read(
              (layer, rank) -> alpha(folder, config, layer, rank),
              config.rankStabilized(),
              layers::fromHub,
              arena);
      Object fingerprint = file.metadata().get(FINGERPRINT);
      LoraOrigin origin =
          new LoraOrigin(
              config.base(), fingerprint instanceof String text ? text : null, config.dropout());
      LoraAdapter adapter = new LoraAdapter(folder, origin, pairs, arena);
      done = true;
      return adapter;
    } finally {
      if (!done) {
        arena.close();
      }
    }
  }

  private static double alpha(
      String folder, PeftConfig config, LinearLayers.Layer layer, int rank) {
    int expected = config.rankOf(layer.module());
    if (rank != expected) {
      throw new ModelFormatException(
          "%s: the matrices of %s are of rank %d, but %s says %d"
              .formatted(folder, layer.module(), rank, CONFIG, expected));
    }
    return config.alphaOf(layer.module());
  }
}
