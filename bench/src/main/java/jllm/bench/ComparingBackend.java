package jllm.bench;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import jllm.tensor.AdamWWeights;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.FusedOperations;
import jllm.tensor.Memory;
import jllm.tensor.Tensor;
import jllm.tensor.TrainingKernels;
import jllm.tensor.quant.Conversions;
import org.jspecify.annotations.Nullable;

/**
 * A backend of the host whose every operation is done once more by another backend, on copies of
 * the operands: what both made of these is compared. Models run on it as on any other.
 */
final class ComparingBackend {
  /** The part of an operand's norm that a result is measured by where its own is less. */
  private static final double OPERANDS = 0.01;

  private final Backend oracle;
  private final Backend tested;
  private final Map<String, OperationDifference> differences = new TreeMap<>();
  private final Backend backend;

  /**
   * @param oracle computes with tensors in host memory, row-major
   */
  ComparingBackend(Backend oracle, Backend tested) {
    this.oracle = oracle;
    this.tested = tested;
    TrainingKernels kernels = tested.training();
    TrainingKernels own = plainTraining(oracle);
    TrainingKernels training =
        proxy(
            TrainingKernels.class,
            (method, arguments) ->
                method.getName().equals("roundedColumns")
                    ? call(method, kernels, arguments)
                    : compare(method, own, kernels, arguments));
    FusedOperations together = tested.fused();
    FusedOperations plain = new PlainOperations(oracle);
    FusedOperations fused =
        together == null
            ? null
            : proxy(
                FusedOperations.class,
                (method, arguments) -> compare(method, plain, together, arguments));
    this.backend =
        proxy(
            Backend.class,
            (method, arguments) ->
                method.getName().equals("fused") ? fused : answer(method, arguments, training));
  }

  /** What models are built with; it must not be closed. */
  Backend backend() {
    return backend;
  }

  /** What was found of each operation, by its name. */
  Map<String, OperationDifference> differences() {
    return differences;
  }

  /** Of a backend without rounded logits, with these. */
  private static TrainingKernels plainTraining(Backend oracle) {
    PlainLoss loss = new PlainLoss(oracle);
    return proxy(
        TrainingKernels.class,
        (method, arguments) -> {
          String name = method.getName();
          boolean ofLoss =
              switch (name) {
                case "roundedLogits", "crossEntropyRounded", "rescaleRounded" -> true;
                case "linearBackward" ->
                    arguments[3] instanceof Tensor dout && dout.dtype() == DType.BF16;
                default -> false;
              };
          return ofLoss
              ? call(
                  PlainLoss.class.getDeclaredMethod(name, method.getParameterTypes()),
                  loss,
                  arguments)
              : call(method, oracle.training(), arguments);
        });
  }

  private interface Handler {
    @Nullable Object call(Method method, @Nullable Object[] arguments) throws Throwable;
  }

  private static <T> T proxy(Class<T> type, Handler handler) {
    Object proxy =
        Proxy.newProxyInstance(
            type.getClassLoader(),
            new Class<?>[] {type},
            (_, method, arguments) ->
                handler.call(method, arguments == null ? new Object[0] : arguments));
    return type.cast(proxy);
  }

  private @Nullable Object answer(
      Method method, @Nullable Object[] arguments, TrainingKernels training) throws Throwable {
    return switch (method.getName()) {
      case "training" -> training;
      case "readsCacheOf" ->
          Boolean.TRUE.equals(call(method, oracle, arguments))
              && Boolean.TRUE.equals(call(method, tested, arguments));
      case "linear",
          "embedding",
          "rmsNorm",
          "layerNorm",
          "addRmsNorm",
          "addLayerNorm",
          "rotations",
          "rope",
          "attention",
          "gated",
          "activate",
          "add",
          "mul",
          "scale",
          "softCap",
          "softmax",
          "copyRows",
          "topK",
          "routingWeights",
          "expertLinear",
          "combineExperts" ->
          compare(method, oracle, tested, arguments);
      default -> call(method, oracle, arguments);
    };
  }

  private static @Nullable Object call(Method method, Object target, @Nullable Object[] arguments)
      throws Throwable {
    try {
      return method.invoke(target, arguments);
    } catch (InvocationTargetException e) {
      throw e.getCause() == null ? e : e.getCause();
    }
  }

  private @Nullable Object compare(
      Method method, Object expected, Object found, @Nullable Object[] arguments) throws Throwable {
    IdentityHashMap<Tensor, Tensor> copies = new IdentityHashMap<>();
    try (Memory memory = tested.memory();
        Arena arena = Arena.ofConfined()) {
      @Nullable Object[] others = arguments.clone();
      for (int i = 0; i < others.length; i++) {
        others[i] = copy(others[i], copies, memory);
      }
      Object other = call(method, found, others);
      if (Boolean.FALSE.equals(other)) {
        return other; // It was not done together.
      }
      Object result = call(method, expected, arguments);
      double error = result instanceof Double number ? error(number, other) : 0;
      double operands = 0;
      for (Tensor own : copies.keySet()) {
        operands = Math.max(operands, own.dtype() == DType.F32 ? norm(values(own)) : 0);
      }
      for (Map.Entry<Tensor, Tensor> copy : copies.entrySet()) {
        error = Math.max(error, error(copy.getKey(), copy.getValue(), operands, arena));
      }
      differences.merge(
          method.getName(),
          new OperationDifference(1, error, describe(arguments)),
          OperationDifference::with);
      return result;
    }
  }

  /** Tensors, alone or among others, on the other backend; what is none stays what it is. */
  private @Nullable Object copy(
      @Nullable Object argument, IdentityHashMap<Tensor, Tensor> copies, Memory memory) {
    return switch (argument) {
      case Tensor tensor -> tensor(tensor, copies, memory);
      case Tensor[] several -> {
        @Nullable Tensor[] others = several.clone();
        for (int i = 0; i < others.length; i++) {
          others[i] = (Tensor) copy(several[i], copies, memory);
        }
        yield others;
      }
      case List<?> several -> several.stream().map(one -> copy(one, copies, memory)).toList();
      case AdamWWeights weights ->
          new AdamWWeights(
              tensor(weights.w(), copies, memory),
              tensor(weights.gradient(), copies, memory),
              tensor(weights.m(), copies, memory),
              tensor(weights.v(), copies, memory),
              (Tensor) copy(weights.rounded(), copies, memory),
              weights.weightDecay());
      case null, default -> argument;
    };
  }

  private Tensor tensor(Tensor own, IdentityHashMap<Tensor, Tensor> copies, Memory memory) {
    return copies.computeIfAbsent(own, _ -> copy(own, memory));
  }

  private Tensor copy(Tensor own, Memory memory) {
    Tensor copy = memory.tensor(own.dtype(), own.shape());
    tested.upload(copy, own.segment());
    return copy;
  }

  private static double error(double expected, @Nullable Object found) {
    double difference = Math.abs(expected - (found instanceof Double number ? number : Double.NaN));
    return difference == 0 ? 0 : difference / Math.abs(expected);
  }

  /**
   * Norm of the difference over the norm, of numbers; whether there is a difference, of ids. Sums
   * that cancel out are as exact as their terms let them be.
   *
   * @param operands the greatest norm of an operand
   */
  private double error(Tensor expected, Tensor copy, double operands, Arena arena) {
    long bytes = Tensor.byteSize(expected.dtype(), expected.shape());
    MemorySegment found = arena.allocate(bytes, Tensor.ALIGNMENT);
    tested.download(found, copy);
    if (expected.segment().asSlice(0, bytes).mismatch(found) < 0) {
      return 0;
    }
    if (expected.dtype() == DType.I32) {
      return 1;
    }
    float[] a = values(expected);
    float[] b = values(Tensor.of(found, expected.dtype(), expected.shape()));
    double squares = 0;
    for (int i = 0; i < a.length; i++) {
      if (Float.compare(a[i], b[i]) != 0) {
        squares += ((double) a[i] - b[i]) * ((double) a[i] - b[i]);
      }
    }
    return squares == 0 ? 0 : Math.sqrt(squares) / Math.max(norm(a), OPERANDS * operands);
  }

  /** Of a type that computing is done in or that weights have; sums are in double precision. */
  private static float[] values(Tensor tensor) {
    float[] values = new float[Math.toIntExact(tensor.shape().elements())];
    for (int row = 0; tensor.dtype() != DType.F64 && row < tensor.rows(); row++) {
      float[] part = Conversions.row(tensor, row);
      System.arraycopy(part, 0, values, row * part.length, part.length);
    }
    for (int i = 0; tensor.dtype() == DType.F64 && i < values.length; i++) {
      values[i] = (float) tensor.segment().getAtIndex(ValueLayout.JAVA_DOUBLE, i);
    }
    return values;
  }

  private static double norm(float[] values) {
    double squares = 0;
    for (float value : values) {
      squares += (double) value * value;
    }
    return Math.sqrt(squares);
  }

  private static String describe(@Nullable Object[] arguments) {
    List<String> operands = new ArrayList<>();
    for (Object argument : arguments) {
      if (argument instanceof Tensor tensor) {
        operands.add(tensor.dtype() + tensor.shape().toString());
      }
    }
    return String.join(" ", operands);
  }
}
