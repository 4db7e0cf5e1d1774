package jllm.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import jllm.format.ModelConfig;
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
import jllm.train.AdapterOptions;
import jllm.train.BatchOptions;
import jllm.train.Horizon;
import jllm.train.ScheduleOptions;
import jllm.train.TimedSteps;
import jllm.train.TrainOptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

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
      for (int i = 0; i < profiles.size(); i++) {
        Profile profile = profiles.get(i);
        Profile.Line total = profile.total();
        assertEquals(workloads.get(i).name(), profile.name());
        assertEquals(repetitions * work.flops(workloads.get(i)), total.flops(), 1);
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

  /** In training, too: all weights, and an adapter. */
  @ParameterizedTest
  @ValueSource(strings = {"gpt2", "llama"})
  void operationsAddUpToTheStep(String blocks) {
    jllm.train.model.ModelShape shape =
        blocks.equals("gpt2")
            ? jllm.train.model.ModelShape.gpt2(2, 2, 16, 12)
            : jllm.train.model.ModelShape.llama(2, 2, 1, 16, 24, 12, false);
    ModelConfig config = shape.config(31);
    TrainOptions options =
        TrainOptions.of(
            new BatchOptions(3, 12, 1), new Horizon.Steps(1), ScheduleOptions.constant(1e-5));
    AdapterOptions adapter = new AdapterOptions(4, 8, false, 0, List.of("all"), 0);
    try (Backend backend = CpuKernels.AUTO.open(2)) {
      List<Function<Backend, TimedSteps>> kinds =
          List.of(
              on -> TimedSteps.ofWeights(on, config, options),
              on -> TimedSteps.ofAdapter(on, config, DType.F32, adapter, options));
      for (Function<Backend, TimedSteps> kind : kinds) {
        double expected;
        try (TimedSteps steps = kind.apply(backend)) {
          expected = steps.flops().total() * options.batch().tokensPerBatch();
        }
        Profile profile = ProfilingBackend.profileTraining("step", backend, kind, 2, 0);
        assertEquals(2 * expected, profile.total().flops(), 0.1 * expected, profile.toString());
      }
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
    Profile profile = new Profile("tg5", 5_000_000, List.of(product, other));
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
