package jllm.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import java.lang.foreign.Arena;
import java.lang.management.ManagementFactory;
import org.junit.jupiter.api.Test;

/** Steps leave nothing for the garbage collector once their shapes are known. */
class ExecAllocationTest {
  private static final int STEPS = 200;
  private static final int LAYERS = 10;

  private final Arena arena = Arena.ofAuto();
  private final Tensor table = f32(50, 64);
  private final Tensor wide = f32(128, 64);
  private final Tensor square = f32(64, 64);
  private final Tensor vector = f32(64);
  private final Tensor headVector = f32(16);
  private final Tensor cache = f32(300, 64);
  private final Tensor router = f32(8, 64);
  private final Tensor experts = f32(8, 64, 64);
  private final AttentionSpec spec = new AttentionSpec(4, 4, 16, 0.25f, 0, 0, true);
  private final Routing routing = new Routing(2, true, 1);
  private final double[] frequencies = new double[8];

  /** What a layer is told. */
  private record Step(Tensor rotations, int past) {}

  @Test
  void aStepAllocatesNothingOnTheHeap() {
    IdleBackend backend = new IdleBackend();
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    try (Exec exec = new Exec(backend)) {
      Layer<Step> layer = this::layer;
      Tensor ids = Tensor.allocate(arena, DType.I32, Shape.of(3));
      // Long prompts first; then single tokens, as when a model answers.
      step(exec, layer, Tensor.allocate(arena, DType.I32, Shape.of(200)), 0);
      for (int i = 0; i < STEPS; i++) {
        step(exec, layer, ids, i);
      }
      int calls = backend.calls();
      long before = threads.getCurrentThreadAllocatedBytes();
      for (int i = 0; i < STEPS; i++) {
        step(exec, layer, ids, i);
      }
      long bytes = threads.getCurrentThreadAllocatedBytes() - before;
      assertEquals(STEPS * (LAYERS * 24 + 7), backend.calls() - calls);
      // One Step a step is the test's own; so are the calls that measure.
      assertTrue(bytes <= STEPS * 32 + 512, bytes + " bytes in " + STEPS + " steps");
    }
  }

  private void step(Exec exec, Layer<Step> layer, Tensor ids, int past) {
    exec.reset();
    Tensor x = exec.embedding(table, ids);
    Step step = new Step(exec.rotations(ids, frequencies, 1), past % 100);
    for (int i = 0; i < LAYERS; i++) {
      x = exec.block(layer, x, step);
    }
    Tensor last = exec.lastRow(x);
    Tensor logits = exec.linear(exec.layerNorm(last, vector, vector, 1e-5f), table, null);
    exec.softmax(exec.softCap(exec.scale(logits, 2), 30));
  }

  private Tensor layer(Exec exec, Tensor x, Step step) {
    Tensor normed = exec.rmsNorm(x, vector, 1e-5f);
    Tensor q = exec.headRmsNorm(exec.linear(normed, square, vector), headVector, 1e-5f);
    Tensor k = exec.headRmsNorm(exec.linear(normed, square, vector), headVector, 1e-5f);
    q = exec.rope(q, step.rotations(), 16, RopePairing.HALF_SPLIT);
    k = exec.rope(k, step.rotations(), 16, RopePairing.HALF_SPLIT);
    exec.copyRows(cache, step.past(), k);
    Tensor attended = exec.attention(q, cache, cache, spec, 1, step.past());
    Tensor y = exec.add(x, exec.linear(attended, square, null));
    Tensor gate = exec.linear(y, wide, null);
    exec.mul(gate, exec.activate(gate, Activation.SILU));
    exec.gated(gate, exec.linear(y, wide, null), Activation.GELU_ERF);
    Tensor logits = exec.linear(y, router, null);
    Tensor chosen = exec.topK(logits, 2);
    Tensor shares = exec.routingWeights(logits, chosen, routing);
    Tensor hidden = exec.expertLinear(y, experts, chosen);
    hidden = exec.expertLinear(hidden, experts, chosen);
    return exec.add(y, exec.combineExperts(hidden, shares));
  }

  private Tensor f32(int... dims) {
    return Tensor.allocate(arena, DType.F32, Shape.of(dims));
  }
}
