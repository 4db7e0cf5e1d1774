package jllm.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import jllm.format.gguf.GgmlType;
import jllm.format.gguf.GgufValue;
import jllm.format.gguf.GgufWriter;
import jllm.tensor.Shape;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Quantizations that end in the middle leave nothing beside what was there. */
class QuantizeProcessTest {
  /** A pipe that nobody reads has no room for the lines of so many. */
  private static final int LAYERS = 3000;

  @TempDir Path folder;
  @TempDir Path logs;

  private Path manyTensors() throws IOException {
    Path path = folder.resolve("in.gguf");
    Map<String, GgufValue> metadata = new LinkedHashMap<>();
    metadata.put("general.architecture", GgufValue.text("llama"));
    metadata.put("llama.block_count", GgufValue.u32(LAYERS));
    metadata.put("llama.attention.head_count", GgufValue.u32(1));
    List<GgufWriter.Entry> entries =
        IntStream.range(0, LAYERS)
            .mapToObj("blk.%d.attn_q.weight"::formatted)
            .map(name -> new GgufWriter.Entry(name, GgmlType.F32, Shape.of(2, 32)))
            .toList();
    try (Arena arena = Arena.ofConfined();
        GgufWriter writer = GgufWriter.create(path, metadata, entries)) {
      writer.write(arena.allocate(entries.stream().mapToLong(GgufWriter.Entry::bytes).sum()));
      writer.commit();
    }
    return path;
  }

  private List<String> left() throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(path -> "" + path.getFileName()).sorted().toList();
    }
  }

  private void await(Process process, Path err, String end) throws IOException {
    while (left().stream().noneMatch(name -> name.endsWith(end))) {
      assertTrue(process.isAlive(), Files.readString(err));
      Thread.onSpinWait();
    }
  }

  private static void assertInterruptible(Process process, Path err) throws Exception {
    Program.interrupt(process);
    assertEquals(130, process.waitFor(), Files.readString(err));
    assertFalse(Files.readString(err).contains("Exception"), Files.readString(err));
  }

  @Test
  void controlCWhileItWrites() throws Exception {
    Path err = logs.resolve("err");
    Path in = manyTensors();
    Path out = Files.writeString(folder.resolve("out.gguf"), "mine");
    Process process =
        Program.start(err, "quantize", in.toString(), out.toString(), "q8_0", "--force");
    try {
      await(process, err, ".part");
      assertInterruptible(process, err);
    } finally {
      process.destroyForcibly();
    }
    assertEquals(List.of("in.gguf", "out.gguf"), left());
    assertEquals("mine", Files.readString(out));
  }

  /** It waits for the text, which never comes. */
  @Test
  void controlCWhileItMeasures() throws Exception {
    Path err = logs.resolve("err");
    Path in = Fixtures.model("llama-f32.gguf");
    Path out = folder.resolve("out.gguf");
    Process process =
        Program.start(err, "quantize", in.toString(), out.toString(), "q8_0", "--eval", "-");
    try {
      await(process, err, ".unchecked");
      assertInterruptible(process, err);
    } finally {
      process.destroyForcibly();
    }
    assertEquals(List.of(), left());
  }

  @Test
  void aDiskThatIsFull() throws Exception {
    assumeTrue(
        Files.isExecutable(Path.of("/bin/bash")), "no /bin/bash to limit the size of files with");
    Path err = logs.resolve("err");
    Path in = Fixtures.model("llama-f32.gguf");
    Path out = folder.resolve("out.gguf");
    Process process =
        Program.startLimited(err, 100, "quantize", in.toString(), out.toString(), "q8_0");
    process.getInputStream().readAllBytes();
    assertEquals(3, process.waitFor(), Files.readString(err));
    assertTrue(Files.readString(err).contains("jllm: " + out), Files.readString(err));
    assertEquals(List.of(), left());
  }
}
