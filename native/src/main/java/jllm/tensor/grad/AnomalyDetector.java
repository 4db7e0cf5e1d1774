package jllm.tensor.grad;

import java.lang.foreign.Arena;
import java.lang.reflect.RecordComponent;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Locale;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.Layer;
import jllm.tensor.Storage;
import jllm.tensor.Tensor;
import jllm.tensor.quant.Conversions;
import org.jspecify.annotations.Nullable;

/**
 * Looks at all that the operations of a step and their derivatives write, as soon as it is written,
 * and ends the step at the first number that is not finite. For a step that is known to have some:
 * each look waits for the device.
 */
public final class AnomalyDetector {
  private final Backend backend;
  private final Parameters parameters;
  private final IdentityHashMap<Op, String> places = new IdentityHashMap<>();
  private final Deque<Layer<?>> layers = new ArrayDeque<>();

  /**
   * @param parameters of the step, whose names are told
   */
  public AnomalyDetector(Backend backend, Parameters parameters) {
    this.backend = backend;
    this.parameters = parameters;
  }

  /** Operations from now on belong to a layer, which says its name by {@link Object#toString}. */
  public void enter(Layer<?> layer) {
    layers.push(layer);
  }

  /** The layer entered last is over. */
  public void leave() {
    layers.pop();
  }

  /** Looks at the result of an operation. */
  void written(Op op) {
    String place = layers.isEmpty() ? "" : " of " + layers.peek();
    places.put(op, place);
    Tensor out = op.out();
    if (isFinite(out)) {
      return;
    }
    List<String> operands = new ArrayList<>();
    boolean inherited = false;
    for (Operand operand : operands(op)) {
      // What the result overwrote was looked at when it was made, as were logits that became their
      // derivative.
      boolean gone =
          op instanceof Op.CrossEntropyRounded || operand.tensor.storage().equals(out.storage());
      if (!gone) {
        Contents contents = contents(operand.tensor);
        inherited |= contents != null && contents.bad > 0;
        operands.add(describe(operand.name, operand.tensor, contents));
      }
    }
    throw new AnomalyException(
        "the forward pass%s: the result %s. Its operands: %s"
            .formatted(
                place,
                describe(name(op), out, contents(out)),
                operands.isEmpty() ? "none" : String.join("; ", operands)),
        inherited);
  }

  /** Looks at what the derivative of an operation added to. */
  void passed(Op op, Gradients gradients) {
    for (Operand operand : operands(op)) {
      Tensor derivative = parameters.gradient(operand.tensor);
      if (derivative == null) {
        derivative = gradients.find(operand.tensor);
      }
      if (derivative != null && !isFinite(derivative)) {
        throw new AnomalyException(
            "the backward pass%s: the derivative by %s of %s. The derivative of the operation's result is finite"
                .formatted(
                    places.getOrDefault(op, ""),
                    describe(operand.name, derivative, contents(derivative)),
                    name(op)),
            false);
      }
    }
  }

  /** Looks at the derivative that the backward pass begins with. */
  void seeded(Tensor derivative) {
    if (!isFinite(derivative)) {
      throw new AnomalyException(
          "the beginning of the backward pass: " + describe("loss", derivative, null), false);
    }
  }

  private record Operand(String name, Tensor tensor) {}

  private static List<Operand> operands(Op op) {
    List<Operand> operands = new ArrayList<>();
    for (RecordComponent component : op.getClass().getRecordComponents()) {
      try {
        Object value = component.getAccessor().invoke(op);
        if (value instanceof Tensor tensor
            && value != op.out()
            && tensor.dtype() != DType.I32
            && !component.getName().equals("lse")) {
          operands.add(new Operand(component.getName(), tensor));
        }
      } catch (ReflectiveOperationException e) {
        throw new IllegalStateException(e); // records of a public type can be read
      }
    }
    return operands;
  }

  /** Such as {@code layer norm}. */
  private static String name(Op op) {
    return op.getClass()
        .getSimpleName()
        .replaceAll("(?<=[a-z])(?=[A-Z])", " ")
        .toLowerCase(Locale.ROOT);
  }

  private boolean isFinite(Tensor activation) {
    if (activation.dtype() != backend.activationType()) {
      Contents contents = contents(activation);
      return contents == null || contents.bad == 0;
    }
    // In double precision: no sum of finite squares is infinite.
    return Double.isFinite(backend.training().sumOfSquares(activation));
  }

  /**
   * What a tensor holds.
   *
   * @param bad how many numbers are not finite
   * @param first of them, and where; empty if there is none
   * @param greatest magnitude of the others
   */
  private record Contents(long bad, String first, float greatest) {}

  /** Absent if the elements are in an order that only a backend knows. */
  private @Nullable Contents contents(Tensor tensor) {
    if (tensor.isPacked()) {
      return null;
    }
    try (Arena arena = Arena.ofShared()) {
      Tensor host = tensor;
      if (!host.isOnHost()) {
        host = Tensor.allocate(arena, tensor.dtype(), tensor.shape());
        backend.download(host.segment(), tensor);
      }
      long bad = 0;
      String first = "";
      float greatest = 0;
      for (long row = 0; row < host.shape().rows(); row++) {
        float[] values = Conversions.row(host, row);
        for (int column = 0; column < values.length; column++) {
          if (Float.isFinite(values[column])) {
            greatest = Math.max(greatest, Math.abs(values[column]));
          } else if (bad++ == 0) {
            first = "%s at [%d, %d]".formatted(values[column], row, column);
          }
        }
      }
      return new Contents(bad, first, greatest);
    }
  }

  private String describe(String name, Tensor tensor, @Nullable Contents contents) {
    String weight = weightName(tensor);
    String what = name + " " + tensor.shape() + (weight.isEmpty() ? "" : " (" + weight + ")");
    if (contents == null) {
      return what;
    }
    if (contents.bad == 0) {
      return String.format(Locale.ROOT, "%s is finite, at most %.3g", what, contents.greatest);
    }
    return String.format(
        Locale.ROOT,
        "%s holds %,d numbers that are not finite (of %,d), first %s",
        what,
        contents.bad,
        tensor.shape().elements(),
        contents.first);
  }

  /** The name of the trained weight that a tensor is, or is a part of; empty if it is none. */
  private String weightName(Tensor tensor) {
    for (Parameters.Parameter parameter : parameters.all()) {
      if (contains(parameter.weight(), tensor) || contains(parameter.gradient(), tensor)) {
        return parameter.name();
      }
    }
    return "";
  }

  private static boolean contains(Tensor whole, Tensor part) {
    long start = address(whole);
    return start != 0
        && address(part) >= start
        && address(part) < start + Tensor.byteSize(whole.dtype(), whole.shape());
  }

  private static long address(Tensor tensor) {
    return switch (tensor.storage()) {
      case Storage.Rows rows -> rows.segment().address();
      case Storage.Device device -> device.address();
      case Storage.Packed _ -> 0;
    };
  }
}
