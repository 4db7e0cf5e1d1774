package jllm.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.List;
import java.util.stream.Stream;
import jllm.format.ModelConfig;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.cpu.VectorBackend;
import jllm.train.model.ModelCosts;
import jllm.train.model.ModelShape;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What steps hold and what they allocate. */
class StepMemoryTest {
  /**
   * Heap that a step may allocate: the records of the tape, the maps that find derivatives, and
   * some vectors where loops end, which the JIT does not keep out of it in every run.
   */
  private static final long HEAP_PER_STEP = 64 << 10;

  private static final int BLOCK = 20;
  private static final int MOST_BLOCKS = 400;
  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  static Stream<Arguments> runs() {
    return Stream.of(
        Arguments.of("gpt2", TinyRun.gpt2(), false, false),
        Arguments.of("gpt2", TinyRun.gpt2(), true, false),
        Arguments.of("llama", TinyRun.llama(), false, false),
        Arguments.of("mixtral", TinyRun.mixtral(), false, false),
        Arguments.of("adapted llama", TinyRun.llama(), false, true),
        Arguments.of("adapted llama", TinyRun.llama(), true, true));
  }

  private static TimedSteps steps(
      Backend backend, ModelConfig config, TrainOptions options, boolean adapter) {
    return adapter
        ? TimedSteps.ofAdapter(
            backend,
            config,
            DType.F32,
            new AdapterOptions(4, 8, false, 0.1, List.of("all"), 0),
            options)
        : TimedSteps.ofWeights(backend, config, options);
  }

  private static TrainOptions options(int batch, int length, boolean recompute) {
    return TrainOptions.of(
            new BatchOptions(batch, length, 1), new Horizon.Steps(1), ScheduleOptions.constant(0.1))
        .withRecompute(recompute);
  }

  @ParameterizedTest
  @MethodSource("runs")
  void aStepAllocatesNoTensorsOnceCompiled(
      String name, ModelConfig config, boolean recompute, boolean adapter) {
    try (Backend backend = new VectorBackend(2);
        TimedSteps steps = steps(backend, config, options(3, 8, recompute), adapter)) {
      steps.step();
      steps.step(); // in one piece of memory, as large as the first one needed
      steps.step();
      long held = steps.activationBytes();
      long allocated = Long.MAX_VALUE;
      long most = BLOCK * (adapter ? 2 : 1) * HEAP_PER_STEP; // Adapters have twice the operations.
      long[] ids = computingThreads();
      for (int block = 0; block < MOST_BLOCKS && allocated > most; block++) {
        long before = allocatedBytes(ids);
        for (int i = 0; i < BLOCK; i++) {
          steps.step();
        }
        allocated = allocatedBytes(ids) - before;
      }
      assertEquals(held, steps.activationBytes(), "memory held after more steps of " + name);
      assertTrue(allocated <= most, name + ": " + allocated / BLOCK + " bytes of heap a step");
    }
  }

  static Stream<Arguments> shapes() {
    return Stream.of(
        Arguments.of("gpt2", ModelShape.gpt2(3, 4, 64, 64).config(300), 32, 64, false),
        Arguments.of("gpt2", ModelShape.gpt2(12, 4, 64, 64).config(300), 32, 64, true),
        Arguments.of("wide", ModelShape.gpt2(2, 4, 128, 32).config(2000), 16, 32, false),
        Arguments.of(
            "llama", ModelShape.llama(4, 4, 2, 64, 192, 128, false).config(500), 16, 128, false),
        Arguments.of(
            "llama", ModelShape.llama(8, 4, 4, 64, 192, 128, true).config(500), 16, 128, true));
  }

  @ParameterizedTest
  @MethodSource("shapes")
  void theEstimateOfActivationsIsNear(
      String name, ModelConfig config, int batch, int length, boolean recompute) {
    try (Backend backend = new VectorBackend(1);
        TimedSteps steps =
            TimedSteps.ofWeights(backend, config, options(batch, length, recompute))) {
      for (int i = 0; i < 3; i++) {
        steps.step();
      }
      long estimated =
          ModelCosts.of(config, length)
              .memory(config, batch * length, recompute, false, DType.F32, backend)
              .activations();
      double ratio = (double) estimated / steps.activationBytes();
      assertTrue(
          ratio > 0.95 && ratio < 1.1,
          "%s: estimated %d bytes, held are %d"
              .formatted(name, estimated, steps.activationBytes()));
    }
  }

  /** This thread and the workers. */
  private static long[] computingThreads() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread ->
            thread == Thread.currentThread() || thread.getName().startsWith("jllm-worker"))
        .mapToLong(Thread::threadId)
        .toArray();
  }

  private static long allocatedBytes(long[] ids) {
    long sum = 0;
    for (long id : ids) {
      sum += THREADS.getThreadAllocatedBytes(id);
    }
    return sum;
  }
}
