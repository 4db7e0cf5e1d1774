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
    TrainingKernels training =
        proxy(
            TrainingKernels.class,
            (method, arguments) ->
                compare(method, oracle.training(), tested.training(), arguments));
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
        if (others[i] instanceof Tensor tensor) {
          others[i] = copies.computeIfAbsent(tensor, own -> copy(own, memory));
        } else if (others[i] instanceof Tensor[] several) {
          others[i] = copies(several, copies, memory);
        }
      }
      Object other = call(method, found, others);
      if (Boolean.FALSE.equals(other)) {
        return other; // It was not done together.
      }
      Object result = call(method, expected, arguments);
      double error = result instanceof Double number ? error(number, other) : 0;
      double operands = 0;
      for (Tensor own : copies.keySet()) {
        operands = Math.max(operands, own.dtype() == DType.F32 ? norm(own.segment()) : 0);
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

  private @Nullable Tensor[] copies(
      @Nullable Tensor[] several, IdentityHashMap<Tensor, Tensor> copies, Memory memory) {
    @Nullable Tensor[] others = several.clone();
    for (int i = 0; i < others.length; i++) {
      Tensor tensor = others[i];
      if (tensor != null) {
        others[i] = copies.computeIfAbsent(tensor, own -> copy(own, memory));
      }
    }
    return others;
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
    Tensor other = Tensor.of(found, expected.dtype(), expected.shape());
    MemorySegment a = Conversions.convert(expected, DType.F32, arena).segment();
    MemorySegment b = Conversions.convert(other, DType.F32, arena).segment();
    double squares = 0;
    for (long i = 0; i < expected.shape().elements(); i++) {
      float own = a.getAtIndex(ValueLayout.JAVA_FLOAT, i);
      float its = b.getAtIndex(ValueLayout.JAVA_FLOAT, i);
      if (Float.compare(own, its) != 0) {
        squares += ((double) own - its) * ((double) own - its);
      }
    }
    return squares == 0 ? 0 : Math.sqrt(squares) / Math.max(norm(a), OPERANDS * operands);
  }

  private static double norm(MemorySegment floats) {
    double squares = 0;
    for (long i = 0; i < floats.byteSize() / Float.BYTES; i++) {
      double value = floats.getAtIndex(ValueLayout.JAVA_FLOAT, i);
      squares += value * value;
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
