package jllm.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;
import static jllm.tensor.cpu.Lanes.FLOAT;
import static jllm.tensor.cpu.Lanes.ORDER;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/**
 * What the loops of {@link SlimLoops} say often. In a class of its own since methods of loops are
 * compiled by themselves, and small enough to be taken into them: a vector that is handed to
 * another method becomes an object.
 */
final class SlimVectors {
  private SlimVectors() {}

  /** The float at {@code at} in every lane. */
  static FloatVector factor(MemorySegment memory, long at) {
    return broadcast(FLOAT, memory.get(JAVA_FLOAT_UNALIGNED, at));
  }

  /** Writes a vector, or adds it to what is there. */
  static void store(MemorySegment memory, long at, FloatVector sum, boolean add) {
    if (add) {
      add(memory, at, sum);
    } else {
      sum.intoMemorySegment(memory, at, ORDER);
    }
  }

  private static void add(MemorySegment memory, long at, FloatVector sum) {
    fromMemorySegment(FLOAT, memory, at, ORDER).add(sum).intoMemorySegment(memory, at, ORDER);
  }
}
