package jllm.tensor.cpu;

import static jllm.tensor.cpu.Patience.CROWDED_SPIN_NANOS;
import static jllm.tensor.cpu.Patience.GAP_NANOS;
import static jllm.tensor.cpu.Patience.SPIN_NANOS;
import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class PatienceTest {
  private final Patience patience = new Patience();

  @Test
  void spinsLongOnAMachineOfItsOwn() {
    patience.begin(0);
    for (long now = 0; now < 10 * GAP_NANOS; now += 3000) {
      assertEquals(SPIN_NANOS, patience.look(now));
    }
    // The time between waits is the program's own.
    patience.begin(100 * GAP_NANOS);
    assertEquals(SPIN_NANOS, patience.look(100 * GAP_NANOS + 1));
  }

  @Test
  void spinsLessForAWhileOnceAnotherThreadRanInItsPlace() {
    patience.begin(0);
    assertEquals(SPIN_NANOS, patience.look(1000));
    long now = 1000 + GAP_NANOS + 1;
    assertEquals(CROWDED_SPIN_NANOS, patience.look(now));
    for (int wait = 1; wait < Patience.CROWDED_WAITS; wait++) {
      patience.begin(now);
      assertEquals(CROWDED_SPIN_NANOS, patience.look(now + 1), "wait " + wait);
    }
    patience.begin(now);
    assertEquals(SPIN_NANOS, patience.look(now + 1));
  }
}
