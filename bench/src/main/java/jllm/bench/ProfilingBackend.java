package jllm.bench;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import jllm.format.WeightSource;
import jllm.model.Transformer;
import jllm.tensor.Backend;
import jllm.tensor.FusedOperations;
import jllm.tensor.OffloadedBlocks;
import jllm.tensor.OperationTimer;
import jllm.tensor.Tensor;
import jllm.tensor.TrainingKernels;
import jllm.train.TimedSteps;
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
                workload.name(),
                Arrays.stream(nanos).sum(),
                List.copyOf(profiling.lines.values())));
      }
    }
    return profiles;
  }

  /**
   * Does training steps, and times each operation.
   *
   * @param name of the profile
   * @param steps makes what does them on the backend that it gets
   * @param repetitions after the warm-up
   * @param warmUpNanos steps go on so long before
   */
  public static Profile profileTraining(
      String name,
      Backend measured,
      Function<Backend, TimedSteps> steps,
      int repetitions,
      long warmUpNanos) {
    try (ProfilingBackend profiling = new ProfilingBackend(measured);
        TimedSteps training = steps.apply(profiling.backend)) {
      training.warmUp(warmUpNanos);
      profiling.lines.clear();
      long begin = System.nanoTime();
      for (int i = 0; i < repetitions; i++) {
        training.step();
      }
      return new Profile(name, System.nanoTime() - begin, List.copyOf(profiling.lines.values()));
    }
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
    FusedOperations together = measured.fused();
    FusedOperations fused =
        together == null
            ? null
            : proxy(
                FusedOperations.class,
                (method, arguments) -> time(together, timer, method, arguments));
    TrainingKernels kernels = measured.training();
    TrainingKernels training =
        proxy(
            TrainingKernels.class,
            (method, arguments) ->
                method.getName().equals("roundedColumns")
                    ? call(kernels, method, arguments)
                    : time(kernels, timer, method, arguments));
    return proxy(
        Backend.class,
        (method, arguments) ->
            switch (method.getName()) {
              case "offloadedBlocks" -> offloaded;
              case "fused" -> fused;
              case "training" -> training;
              case "records" -> false; // Steps that are recorded are not told by operation.
              default ->
                  isOperation(method, arguments)
                      ? time(measured, timer, method, arguments)
                      : call(measured, method, arguments);
            });
  }

  private interface Handler {
    @Nullable Object call(Method method, @Nullable Object[] arguments) throws Throwable;
  }

  private static <T> T proxy(Class<T> type, Handler handler) {
    return type.cast(
        Proxy.newProxyInstance(
            type.getClassLoader(),
            new Class<?>[] {type},
            (_, method, arguments) ->
                handler.call(method, arguments == null ? new Object[0] : arguments)));
  }

  /** Operations write their first operand; other methods tell of the backend or move tensors. */
  private static boolean isOperation(Method method, @Nullable Object[] arguments) {
    return arguments.length > 1
        && arguments[0] instanceof Tensor
        && !method.getName().equals("upload")
        && !method.getName().equals("adopt");
  }

  private @Nullable Object time(
      Object measured, OperationTimer timer, Method method, @Nullable Object[] arguments)
      throws Throwable {
    Object result;
    long nanos;
    timer.start();
    try {
      result = call(measured, method, arguments);
    } finally {
      nanos = timer.stop();
    }
    if (Boolean.FALSE.equals(result)) {
      return result; // It was not done together, but will be one by one.
    }
    OperationCost cost = OperationCost.of(method.getName(), arguments);
    String name = name(method.getName(), arguments);
    List<String> kernels = List.copyOf(timer.kernels());
    lines.merge(
        List.of(name, kernels),
        new Profile.Line(name, kernels, 1, nanos, cost.bytes(), cost.flops()),
        Profile.Line::plus);
    return result;
  }

  private static @Nullable Object call(Object backend, Method method, @Nullable Object[] arguments)
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
      case "linear",
          "addLinear",
          "gatedLinear",
          "activatedLinear",
          "expertLinear",
          "linearBackwardInput",
          "roundedLogits",
          "expertLinearBackwardInput" ->
          operation + " " + typeAndShape(arguments[2]);
      case "linearBackward", "linearBackwardActivated" ->
          operation + " " + typeAndShape(arguments[5]);
      case "linearBackwardWeight", "expertLinearBackwardWeight" ->
          operation + " " + typeAndShape(arguments[0]);
      case "embedding" -> operation + " " + typeAndShape(arguments[1]);
      case "attention" -> operation + " " + type(arguments[2]);
      case "copyRows" -> operation + " " + type(arguments[0]);
      case "store" -> operation + " " + type(arguments[4]);
      case "linears" -> {
        List<String> weights = new ArrayList<>();
        for (Object weight : (Object[]) Objects.requireNonNull(arguments[2])) {
          weights.add(typeAndShape(weight));
        }
        yield operation + " " + String.join(", ", weights);
      }
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
