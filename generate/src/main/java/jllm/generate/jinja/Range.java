package jllm.generate.jinja;

import java.math.BigInteger;
import java.util.Iterator;
import java.util.List;
import java.util.stream.IntStream;

/** Python's {@code range}, of a length that the sandbox bounds. */
record Range(BigInteger start, BigInteger stop, BigInteger step) {
  private static final int LONGEST = 100_000;

  static Range of(Arguments arguments) {
    List<Object> given = arguments.positional();
    if (given.isEmpty() || given.size() > 3 || !arguments.named().isEmpty()) {
      throw new TemplateException(
          given.isEmpty()
              ? "range expected at least 1 argument, got 0"
              : "range expected at most 3 arguments, got " + given.size());
    }
    List<BigInteger> numbers = given.stream().map(Numbers::index).toList();
    Range range =
        switch (numbers.size()) {
          case 1 -> new Range(BigInteger.ZERO, numbers.getFirst(), BigInteger.ONE);
          case 2 -> new Range(numbers.get(0), numbers.get(1), BigInteger.ONE);
          default -> new Range(numbers.get(0), numbers.get(1), numbers.get(2));
        };
    if (range.step.signum() == 0) {
      throw new TemplateException("range() arg 3 must not be zero");
    }
    if (range.length().compareTo(BigInteger.valueOf(LONGEST)) > 0) {
      throw new TemplateException(
          "Range too big. The sandbox blocks ranges larger than MAX_RANGE (" + LONGEST + ").");
    }
    return range;
  }

  private BigInteger length() {
    BigInteger span = step.signum() > 0 ? stop.subtract(start) : start.subtract(stop);
    return span.signum() <= 0
        ? BigInteger.ZERO
        : span.subtract(BigInteger.ONE).divide(step.abs()).add(BigInteger.ONE);
  }

  int size() {
    return length().intValueExact();
  }

  Object get(int index) {
    return start.add(step.multiply(BigInteger.valueOf(index)));
  }

  Iterator<Object> iterator() {
    return IntStream.range(0, size()).mapToObj(this::get).iterator();
  }

  /** The elements that a slice selects. */
  Range slice(Slices.Bounds bounds) {
    BigInteger from = start.add(step.multiply(BigInteger.valueOf(bounds.start())));
    BigInteger to = start.add(step.multiply(BigInteger.valueOf(bounds.stop())));
    return new Range(from, to, step.multiply(BigInteger.valueOf(bounds.step())));
  }
}
