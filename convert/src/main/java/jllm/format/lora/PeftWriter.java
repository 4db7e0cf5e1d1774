package jllm.format.lora;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.ToDoubleFunction;
import java.util.regex.Pattern;
import jllm.format.Json;
import jllm.format.model.LinearLayers;
import jllm.format.model.LinearLayers.Layer;
import jllm.format.safetensors.SafetensorsWriter;
import jllm.tensor.DType;
import jllm.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Writes adapters as PEFT saves them: {@code adapter_config.json} and {@code
 * adapter_model.safetensors} with tensors {@code base_model.model.MODULE.lora_A.weight} [R, I] and
 * {@code ...lora_B.weight} [O, R].
 */
public final class PeftWriter {
  private static final String PREFIX = "base_model.model.";

  private final LoraAdapter adapter;
  private final LinearLayers layers;
  private final Map<Layer, LoraPair> pairs = new LinkedHashMap<>();

  /**
   * @param layers of the model that the adapter is for
   */
  public PeftWriter(LoraAdapter adapter, LinearLayers layers) {
    this.adapter = adapter;
    this.layers = layers;
    adapter
        .pairs()
        .forEach((name, pair) -> {
          Layer layer = layers.ofName(name);
          if (layer == null) {
            throw new IllegalArgumentException("the model has no layer " + name);
          }
          pairs.put(layer, pair);
        });
  }

  /**
   * Writes the two files into a folder, which must be there. Each appears when it is complete.
   *
   * @throws IOException if they cannot be written
   */
  public void write(Path folder) throws IOException {
    List<SafetensorsWriter.Entry> entries = new ArrayList<>();
    pairs.forEach((layer, pair) -> {
      String name = PREFIX + layer.module();
      entries.add(
          new SafetensorsWriter.Entry(name + ".lora_A.weight", DType.F32, pair.a().shape()));
      entries.add(
          new SafetensorsWriter.Entry(name + ".lora_B.weight", DType.F32, pair.b().shape()));
    });
    Map<String, String> metadata = new LinkedHashMap<>();
    metadata.put("format", "pt");
    String fingerprint = adapter.origin().fingerprint();
    if (fingerprint != null) {
      metadata.put(PeftAdapter.FINGERPRINT, fingerprint);
    }
    try (SafetensorsWriter writer =
        SafetensorsWriter.create(folder.resolve(PeftAdapter.WEIGHTS), metadata, entries)) {
      for (Map.Entry<Layer, LoraPair> entry : pairs.entrySet()) {
        writer.write(bytes(entry.getValue().a()));
        try (Arena arena = Arena.ofConfined()) {
          writer.write(bytes(layers.toHub(entry.getKey(), entry.getValue().b(), arena)));
        }
      }
      writer.commit();
    }
    Files.write(folder.resolve(PeftAdapter.CONFIG), Json.format(config()));
  }

  private static MemorySegment bytes(Tensor tensor) {
    return tensor.segment().asSlice(0, Tensor.byteSize(DType.F32, tensor.shape()));
  }

  private Map<String, @Nullable Object> config() {
    double rank = most(LoraPair::rank);
    double alpha = most(LoraPair::alpha);
    Map<String, @Nullable Object> json = new LinkedHashMap<>();
    json.put("alpha_pattern", exceptions(alpha, LoraPair::alpha));
    json.put("auto_mapping", null);
    json.put("base_model_name_or_path", adapter.origin().base());
    json.put("bias", "none");
    json.put("fan_in_fan_out", pairs.keySet().stream().anyMatch(layers::isTransposed));
    json.put("inference_mode", true);
    json.put("init_lora_weights", true);
    json.put("layers_pattern", null);
    json.put("layers_to_transform", someBlocks());
    json.put("lora_alpha", whole(alpha));
    json.put("lora_dropout", adapter.origin().dropout());
    json.put("modules_to_save", null);
    json.put("peft_type", "LORA");
    json.put("r", whole(rank));
    json.put("rank_pattern", exceptions(rank, LoraPair::rank));
    json.put("revision", null);
    json.put("target_modules", targets());
    json.put("task_type", "CAUSAL_LM");
    json.put("use_dora", false);
    json.put("use_rslora", pairs.values().stream().findFirst().orElseThrow().rankStabilized());
    return json;
  }

  private double most(ToDoubleFunction<LoraPair> value) {
    Map<Double, Integer> counts = new HashMap<>();
    pairs.values().forEach(pair -> counts.merge(value.applyAsDouble(pair), 1, Integer::sum));
    return counts.entrySet().stream()
        .max(
            Map.Entry.<Double, Integer>comparingByValue().thenComparing(Map.Entry.comparingByKey()))
        .orElseThrow()
        .getKey();
  }

  private Map<String, Object> exceptions(double usual, ToDoubleFunction<LoraPair> value) {
    Map<String, Object> exceptions = new LinkedHashMap<>();
    pairs.forEach((layer, pair) -> {
      double own = value.applyAsDouble(pair);
      if (own != usual) {
        exceptions.put(
            Pattern.compile("\\.").matcher(layer.module()).replaceAll("\\\\."), whole(own));
      }
    });
    return exceptions;
  }

  /** PEFT writes whole numbers as such. */
  private static Object whole(double value) {
    return value == Math.rint(value) ? (Object) (long) value : value;
  }

  /** The numbers of the blocks that are changed, absent if all are. */
  private @Nullable Object someBlocks() {
    Collection<Integer> blocks = new TreeSet<>();
    pairs.keySet().forEach(layer -> blocks.add(layer.block()));
    return blocks.size() == layers.config().layers()
        ? null
        : blocks.stream().map(Integer::longValue).toList();
  }

  /** Last names; with the one before where the last alone means other layers, too. */
  private Collection<String> targets() {
    TreeSet<String> parts = new TreeSet<>();
    pairs.keySet().forEach(layer -> parts.add(layer.part()));
    Collection<String> targets = new TreeSet<>();
    for (Layer layer : pairs.keySet()) {
      boolean shared =
          layers.all().stream()
              .anyMatch(other ->
                  other.lastName().equals(layer.lastName()) && !parts.contains(other.part()));
      String[] path = layer.module().split("\\.");
      targets.add(shared ? path[path.length - 2] + "." + path[path.length - 1] : layer.lastName());
    }
    return List.copyOf(targets);
  }
}
