package jllm.quantize;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import jllm.format.gguf.GgmlType;
import jllm.format.gguf.GgufFile;
import jllm.format.gguf.GgufValue;
import jllm.format.gguf.GgufWriter;
import jllm.tensor.Shape;

/** GGUF files in F32 with the tensors of a Llama and little in them. */
final class SmallModel {
  private final String architecture;
  private final int layers;
  private final int queriesPerKey;
  private final int experts;
  private final int width;
  private final boolean output;

  SmallModel(
      String architecture, int layers, int queriesPerKey, int experts, int width, boolean output) {
    this.architecture = architecture;
    this.layers = layers;
    this.queriesPerKey = queriesPerKey;
    this.experts = experts;
    this.width = width;
    this.output = output;
  }

  /** Changes a value of one. */
  static void set(Path file, String tensor, int index, float value) throws IOException {
    long offset;
    try (GgufFile model = GgufFile.open(file)) {
      offset = Objects.requireNonNull(model.tensor(tensor), tensor).offset();
    }
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      ByteBuffer bytes = ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN);
      channel.write(bytes.putFloat(0, value), offset + 4L * index);
    }
  }

  Path write(Path target) throws IOException {
    Map<String, GgufValue> metadata = new LinkedHashMap<>();
    metadata.put("general.architecture", GgufValue.text(architecture));
    metadata.put("general.name", GgufValue.text("small"));
    metadata.put(architecture + ".block_count", GgufValue.u32(layers));
    metadata.put(architecture + ".attention.head_count", GgufValue.u32(queriesPerKey));
    metadata.put(architecture + ".attention.head_count_kv", GgufValue.u32(1));
    metadata.put(architecture + ".expert_count", GgufValue.u32(experts));
    List<GgufWriter.Entry> entries = entries();
    SplittableRandom random = new SplittableRandom(3);
    try (Arena arena = Arena.ofConfined();
        GgufWriter writer = GgufWriter.create(target, metadata, entries)) {
      for (GgufWriter.Entry entry : entries) {
        MemorySegment data = arena.allocate(entry.bytes(), 64);
        for (long i = 0; i < entry.bytes() / 4; i++) {
          data.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) (random.nextGaussian() * 0.02));
        }
        writer.write(data);
      }
      writer.commit();
    }
    return target;
  }

  private List<GgufWriter.Entry> entries() {
    List<GgufWriter.Entry> entries = new ArrayList<>();
    add(entries, "token_embd.weight", 8, width);
    if (output) {
      add(entries, "output.weight", 8, width);
    }
    add(entries, "output_norm.weight", width);
    // Not in the order of their numbers, as files may have them.
    for (int i = 0; i < layers; i++) {
      String layer = "blk." + (layers - 1 - i) + ".";
      add(entries, layer + "attn_norm.weight", width);
      for (String name : List.of("attn_q", "attn_k", "attn_v", "attn_output")) {
        add(entries, layer + name + ".weight", 4, width);
      }
      if (experts == 0) {
        add(entries, layer + "ffn_down.weight", 4, width);
        add(entries, layer + "ffn_up.weight", 4, width);
      } else {
        add(entries, layer + "ffn_gate_inp.weight", experts, width);
        add(entries, layer + "ffn_down_exps.weight", experts, 2, width);
      }
    }
    return entries;
  }

  private static void add(List<GgufWriter.Entry> entries, String name, int... shape) {
    entries.add(new GgufWriter.Entry(name, GgmlType.F32, Shape.of(shape)));
  }
}
