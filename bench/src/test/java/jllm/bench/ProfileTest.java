package jllm.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import jllm.format.ModelFile;
import jllm.format.model.ModelFiles;
import jllm.quantize.QuantizationType;
import jllm.tensor.AttentionSpec;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;
import jllm.tensor.cpu.CpuKernels;
import jllm.tensor.cpu.MachineLimits;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ProfileTest {
  private static final ModelShape SHAPE = new ModelShape(2, 256, 512, 4, 2, 300, 64, false);
  private static final MachineLimits LIMITS = new MachineLimits(10e9, 100e9);

  @TempDir Path folder;

  /** What operations add up to is what the model as a whole is known to cost. */
  @Test
  void operationsAddUpToTheModel() throws IOException {
    Path path = folder.resolve("m.gguf");
    RandomModel.write(path, "small", SHAPE, QuantizationType.Q8_0);
    List<Workload> workloads = List.of(new Workload.Prefill(21), new Workload.Decode(7));
    int repetitions = 2;
    try (ModelFile file = ModelFiles.open(path);
        Backend backend = CpuKernels.AUTO.open(2)) {
      ModelWork work = ModelWork.of(file);
      List<Profile> profiles =
          ProfilingBackend.profile(file.weights(), backend, 16, workloads, repetitions, 0);
      for (Profile profile : profiles) {
        Profile.Line total = profile.total();
        assertEquals(repetitions * work.flops(profile.workload()), total.flops(), 1);
        assertTrue(total.nanos() <= profile.wallNanos(), profile.toString());
      }
      Profile decode = profiles.getLast();
      double weights =
          decode.lines().stream()
              .filter(line -> line.operation().startsWith("linear Q8_0"))
              .mapToDouble(Profile.Line::bytes)
              .sum();
      double expected = repetitions * 7 * work.bytesPerToken();
      assertTrue(weights > expected && weights < 1.1 * expected, weights + ", " + expected);
    }
  }

  @Test
  void attentionReadsWhatItsWindowShows() {
    AttentionSpec spec = new AttentionSpec(4, 2, 8, 1, 0, 3, true);
    try (Arena arena = Arena.ofConfined()) {
      Tensor q = Tensor.allocate(arena, DType.F32, Shape.of(2, 32));
      Tensor cache = Tensor.allocate(arena, DType.F16, Shape.of(64, 16));
      OperationCost cost =
          OperationCost.of("attention", new Object[] {q, q, cache, cache, spec, 1, 10});
      // Positions 10 and 11 see 8 to 10 and 9 to 11.
      assertEquals(2 * 2 * 32 * 4 + 4 * 2 * 16 * 2, cost.bytes());
      assertEquals(6 * 4 * 8 * 4, cost.flops());
    }
  }

  @Test
  void tableAndRecordsSayTheSame() {
    Profile.Line product =
        new Profile.Line("linear F32[2, 4]", List.of("matvec_f32"), 5, 1_000_000, 5e6, 1e6);
    Profile.Line other = new Profile.Line("add", List.of("add"), 1, 3_000_000, 3e6, 0);
    Profile profile = new Profile(new Workload.Decode(5), 5_000_000, List.of(product, other));
    List<Map<String, Object>> records = profile.records(LIMITS);
    assertEquals("add", records.getFirst().get("operation"), "the longest first");
    assertEquals(0.5, records.getLast().get("share_of_limit"));
    assertEquals(5e9, records.getLast().get("bytes_per_second"));
    String table = profile.markdown(LIMITS);
    assertTrue(
        table.contains("| linear F32[2, 4] | matvec_f32 |     5 | 1.000 |  25.0 % |     200.0 |"),
        table);
    assertTrue(table.lines().toList().getLast().startsWith("| all "), table);
  }
}
