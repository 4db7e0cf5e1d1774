package jllm.format.lora;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import jllm.format.ModelFormatException;
import jllm.format.StoredTensor;
import jllm.format.gguf.GgmlType;
import jllm.format.gguf.GgufFile;
import jllm.format.gguf.GgufMetadata;
import jllm.format.gguf.GgufValue;
import jllm.format.gguf.GgufWriter;
import jllm.format.model.LinearLayers;
import jllm.format.model.LinearLayers.Layer;
import jllm.tensor.DType;
import jllm.tensor.Tensor;

/**
 * Adapters as llama.cpp's {@code convert_lora_to_gguf.py} writes them: tensors {@code NAME.lora_a}
 * [R, I] and {@code NAME.lora_b} [O, R] for the weight NAME, and one alpha for all of them, which
 * is divided by each one's rank.
 */
public final class GgufAdapter {
  private static final String ARCHITECTURE = "general.architecture";
  private static final String KIND = "general.type";
  private static final String ADAPTER_KIND = "adapter.type";
  private static final String ALPHA = "adapter.lora.alpha";
  private static final String BASE = "general.base_model.0.name";
  private static final String FINGERPRINT = "jllm.base_model_norms_sha256";
  private static final String A = ".lora_a";
  private static final String B = ".lora_b";

  private GgufAdapter() {}

  static LoraAdapter read(Path path, LinearLayers layers) throws IOException {
    try (GgufFile file = GgufFile.open(path)) {
      GgufMetadata metadata = file.metadata();
      require(path, metadata, KIND, "adapter");
      require(path, metadata, ADAPTER_KIND, "lora");
      require(path, metadata, ARCHITECTURE, layers.config().architecture());
      Double alpha = metadata.real(ALPHA);
      StoredPairs found = new StoredPairs(path.toString(), layers);
      for (StoredTensor tensor : file.tensors().values()) {
        String name = tensor.name();
        boolean known = name.endsWith(A) || name.endsWith(B);
        String weight = known ? name.substring(0, name.length() - A.length()) : name;
        found.add(known ? layers.ofName(weight) : null, name.endsWith(A), tensor);
      }
      Arena arena = Arena.ofShared();
      boolean done = false;
      try {
        // Where there is no alpha the product is taken as it is.
        Map<String, LoraPair> pairs =
            found.read(
                (_, rank) -> alpha == null || alpha == 0 ? rank : alpha,
                false,
                layers::fromGguf,
                arena);
        LoraOrigin origin = new LoraOrigin(metadata.text(BASE), metadata.text(FINGERPRINT), 0);
        LoraAdapter adapter = new LoraAdapter(path.toString(), origin, pairs, arena);
        done = true;
        return adapter;
      } finally {
        if (!done) {
          arena.close();
        }
      }
    }
  }

  static boolean isAdapter(GgufFile file) {
    return "adapter".equals(file.metadata().text(KIND));
  }

  private static void require(Path path, GgufMetadata metadata, String key, String expected) {
    String found = metadata.text(key);
    if (!expected.equals(found)) {
      throw new ModelFormatException(
          "%s: metadata key %s is %s, expected %s for an adapter of this model"
              .formatted(path, key, found, expected));
    }
  }

  /**
   * Writes an adapter. The format has one alpha: where scales differ, the second matrix takes up
   * the difference.
   *
   * @param layers of the model that it is for
   * @throws IOException if the file cannot be written
   */
  public static void write(Path target, LoraAdapter adapter, LinearLayers layers)
      throws IOException {
    LoraPair first = adapter.pairs().values().iterator().next();
    float alpha = first.scale() * first.rank();
    Map<String, GgufValue> metadata = new LinkedHashMap<>();
    metadata.put(ARCHITECTURE, GgufValue.text(layers.config().architecture()));
    metadata.put(KIND, GgufValue.text("adapter"));
    metadata.put(ADAPTER_KIND, GgufValue.text("lora"));
    metadata.put(ALPHA, GgufValue.f32(alpha));
    String base = adapter.origin().base();
    if (base != null) {
      metadata.put(BASE, GgufValue.text(base));
    }
    String fingerprint = adapter.origin().fingerprint();
    if (fingerprint != null) {
      metadata.put(FINGERPRINT, GgufValue.text(fingerprint));
    }
    List<GgufWriter.Entry> entries = new ArrayList<>();
    adapter
        .pairs()
        .forEach((name, pair) -> {
          entries.add(new GgufWriter.Entry(name + A, GgmlType.of(DType.F32), pair.a().shape()));
          entries.add(new GgufWriter.Entry(name + B, GgmlType.of(DType.F32), pair.b().shape()));
        });
    try (GgufWriter writer = GgufWriter.create(target, metadata, entries)) {
      for (Map.Entry<String, LoraPair> entry : adapter.pairs().entrySet()) {
        write(writer, layers, entry.getKey(), entry.getValue(), alpha);
      }
      writer.commit();
    }
  }

  private static void write(
      GgufWriter writer, LinearLayers layers, String name, LoraPair pair, float alpha)
      throws IOException {
    Layer layer = layers.ofName(name);
    if (layer == null) {
      throw new IllegalArgumentException("the model has no layer " + name);
    }
    try (Arena arena = Arena.ofConfined()) {
      Tensor b = layers.toGguf(layer, pair.b(), arena);
      float factor = pair.scale() * pair.rank() / alpha;
      if (factor != 1) {
        for (long i = 0; i < b.shape().elements(); i++) {
          float value = b.segment().getAtIndex(ValueLayout.JAVA_FLOAT, i) * factor;
          b.segment().setAtIndex(ValueLayout.JAVA_FLOAT, i, value);
        }
      }
      writer.write(bytes(pair.a()));
      writer.write(bytes(b));
    }
  }

  private static MemorySegment bytes(Tensor tensor) {
    return tensor.segment().asSlice(0, Tensor.byteSize(DType.F32, tensor.shape()));
  }
}
