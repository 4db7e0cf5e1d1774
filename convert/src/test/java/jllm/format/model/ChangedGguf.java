package jllm.format.model;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import jllm.format.StoredTensor;
import jllm.format.gguf.GgmlType;
import jllm.format.gguf.GgufFile;
import jllm.format.gguf.GgufValue;
import jllm.format.gguf.GgufWriter;
import jllm.tensor.DType;
import jllm.tensor.Shape;
import jllm.tokenize.VocabularySpec;

/** A GGUF file that is fine but for one thing. */
final class ChangedGguf {
  private ChangedGguf() {}

  /** A small Llama, whose metadata and tensors may be changed before it is written. */
  static Path write(
      Path folder,
      Consumer<Map<String, GgufValue>> metadataChange,
      UnaryOperator<GgufWriter.Entry> tensorChange)
      throws IOException {
    Path good = folder.resolve("good.gguf");
    try (RandomWeights weights = new RandomWeights(TinyModels.config("llama"), DType.F32, 3)) {
      GgufModelWriter.write(good, weights, GgufVocabulary.write(vocabulary(90)));
    }
    Path changed = folder.resolve("changed.gguf");
    try (GgufFile file = GgufFile.open(good)) {
      Map<String, GgufValue> metadata = new LinkedHashMap<>(file.metadata().values());
      metadataChange.accept(metadata);
      List<GgufWriter.Entry> entries = new ArrayList<>();
      for (StoredTensor tensor : file.tensors().values()) {
        GgufWriter.Entry entry =
            tensorChange.apply(new GgufWriter.Entry(tensor.name(), GgmlType.F32, tensor.shape()));
        if (!entry.name().isEmpty()) {
          entries.add(entry);
        }
      }
      try (GgufWriter writer = GgufWriter.create(changed, metadata, entries)) {
        for (GgufWriter.Entry entry : entries) {
          writer.write(MemorySegment.ofArray(new byte[(int) entry.bytes()]));
        }
        writer.commit();
      }
    }
    return changed;
  }

  static VocabularySpec vocabulary(int size) {
    List<String> tokens = new ArrayList<>();
    for (int id = 0; id < size; id++) {
      tokens.add("t" + id);
    }
    return VocabularySpec.builder("llama", tokens).build();
  }

  static UnaryOperator<GgufWriter.Entry> renamed(String from, String to) {
    return entry ->
        entry.name().equals(from) ? new GgufWriter.Entry(to, entry.type(), entry.shape()) : entry;
  }

  static UnaryOperator<GgufWriter.Entry> reshaped(String name, GgmlType type, int... dims) {
    return entry ->
        entry.name().equals(name) ? new GgufWriter.Entry(name, type, Shape.of(dims)) : entry;
  }

  static Consumer<Map<String, GgufValue>> with(String key, GgufValue value) {
    return metadata -> metadata.put(key, value);
  }

  static Consumer<Map<String, GgufValue>> without(String key) {
    return metadata -> metadata.remove(key);
  }
}
