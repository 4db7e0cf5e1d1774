package jllm.bench;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import jllm.format.WeightSource;
import jllm.model.Transformer;
import jllm.tensor.Backend;
import jllm.tensor.OffloadedBlocks;
import jllm.tensor.OperationTimer;
import jllm.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * A backend that times each operation of another one, and adds up what operations of one kind, type
 * and shape took. Models run on it as on any other; it must not be closed.
 */
public final class ProfilingBackend implements AutoCloseable {
  private final List<OperationTimer> timers = new ArrayList<>();
  private final Map<List<Object>, Profile.Line> lines = new LinkedHashMap<>();
  private final Backend backend;

  /**
   * Runs workloads on a model, built anew for it, and times each operation.
   *
   * @param maxBatch rows of a prefill step at most
   * @param repetitions after the warm-up
   */
  public static List<Profile> profile(
      WeightSource weights,
      Backend measured,
      int maxBatch,
      List<Workload> workloads,
      int repetitions,
      long warmUpNanos) {
    List<Profile> profiles = new ArrayList<>();
    try (ProfilingBackend profiling = new ProfilingBackend(measured);
        Transformer model = Transformer.of(weights, profiling.backend)) {
      GenerationBenchmark runs = new GenerationBenchmark(model, profiling.backend, maxBatch);
      for (Workload workload : workloads) {
        long[] nanos = runs.run(workload, repetitions, warmUpNanos, profiling.lines::clear);
        profiles.add(
            new Profile(
                workload, Arrays.stream(nanos).sum(), List.copyOf(profiling.lines.values())));
      }
    }
    return profiles;
  }

  private ProfilingBackend(Backend measured) {
    this.backend = profiled(measured);
  }

  private Backend profiled(Backend measured) {
    OperationTimer timer = measured.timer();
    timers.add(timer);
    OffloadedBlocks others = measured.offloadedBlocks();
    OffloadedBlocks offloaded =
        others == null ? null : new OffloadedBlocks(profiled(others.backend()), others.count());
    Object proxy =
        Proxy.newProxyInstance(
            Backend.class.getClassLoader(),
            new Class<?>[] {Backend.class},
            (_, method, arguments) ->
                answer(
                    measured,
                    timer,
                    offloaded,
                    method,
                    arguments == null ? new Object[0] : arguments));
    return (Backend) proxy;
  }

  private @Nullable Object answer(
      Backend measured,
      OperationTimer timer,
      @Nullable OffloadedBlocks offloaded,
      Method method,
      @Nullable Object[] arguments)
      throws Throwable {
    if (method.getName().equals("offloadedBlocks")) {
      return offloaded;
    }
    // Operations write their first operand; all other methods tell of the backend or move tensors.
    boolean operation =
        arguments.length > 1
            && arguments[0] instanceof Tensor
            && !method.getName().equals("upload")
            && !method.getName().equals("adopt");
    if (!operation) {
      return call(measured, method, arguments);
    }
    long nanos;
    timer.start();
    try {
      call(measured, method, arguments);
    } finally {
      nanos = timer.stop();
    }
    OperationCost cost = OperationCost.of(method.getName(), arguments);
    String name = name(method.getName(), arguments);
    List<String> kernels = List.copyOf(timer.kernels());
    lines.merge(
        List.of(name, kernels),
        new Profile.Line(name, kernels, 1, nanos, cost.bytes(), cost.flops()),
        Profile.Line::plus);
    return null;
  }

  private static @Nullable Object call(Backend backend, Method method, @Nullable Object[] arguments)
      throws Throwable {
    try {
      return method.invoke(backend, arguments);
    } catch (InvocationTargetException e) {
      throw e.getCause() == null ? e : e.getCause();
    }
  }

  /** The operation, and of weights and caches the type, of weights the shape as well. */
  private static String name(String operation, @Nullable Object[] arguments) {
    return switch (operation) {
      case "linear", "expertLinear" -> operation + " " + typeAndShape(arguments[2]);
      case "embedding" -> operation + " " + typeAndShape(arguments[1]);
      case "attention" -> operation + " " + type(arguments[2]);
      case "copyRows" -> operation + " " + type(arguments[0]);
      default -> operation;
    };
  }

  private static String type(@Nullable Object argument) {
    return argument instanceof Tensor tensor ? tensor.dtype().toString() : "";
  }

  private static String typeAndShape(@Nullable Object argument) {
    return argument instanceof Tensor tensor ? tensor.dtype() + tensor.shape().toString() : "";
  }

  @Override
  public void close() {
    timers.forEach(OperationTimer::close);
  }
}
