package jllm.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class SlabTest {
  private static final int MEGABYTE = 1 << 20;

  private final Slab slab = new Slab(HostMemory::new);

  @AfterEach
  void close() {
    slab.close();
  }

  @Test
  void tensorsOfAStepDoNotOverlap() {
    long seed = 3;
    SplittableRandom random = new SplittableRandom(seed);
    for (int step = 0; step < 5; step++) {
      slab.reset();
      List<Tensor> all = new ArrayList<>();
      for (int i = 0; i < 60; i++) {
        // Now and then larger than everything so far.
        int columns = random.nextInt(1, i % 20 == 7 ? 1_000_000 : 50_000);
        Tensor tensor = slab.allocate(DType.F32, 1, columns);
        assertEquals(0, tensor.segment().address() % Tensor.ALIGNMENT);
        fill(tensor, i);
        all.add(tensor);
      }
      for (int i = 0; i < all.size(); i++) {
        assertFilled(all.get(i), i, "step " + step + ", seed " + seed);
      }
    }
  }

  @Test
  void theSameStepGetsTheSameObjects() {
    Tensor a = slab.allocate(DType.F32, 2, 100);
    Tensor view = slab.view(a, 400, 1, 100);
    Tensor b = slab.allocate(DType.I32, 1, 3);
    slab.reset();
    assertSame(a, slab.allocate(DType.F32, 2, 100));
    assertSame(view, slab.view(a, 400, 1, 100));
    assertSame(b, slab.allocate(DType.I32, 1, 3));
    slab.reset();
    assertNotSame(a, slab.allocate(DType.F32, 1, 100));
    Tensor other = slab.allocate(DType.F32, 2, 100);
    assertEquals("F32[2, 100]", other.toString());
    assertNotSame(view, slab.view(other, 400, 1, 100));
  }

  @Test
  void aStepOfAnotherTypeOrShapeGetsItsOwn() {
    slab.allocate(DType.F32, 2, 100);
    slab.reset();
    assertEquals("I32[2, 100]", slab.allocate(DType.I32, 2, 100).toString());
    slab.reset();
    assertEquals("F32[4, 50]", slab.allocate(DType.F32, 4, 50).toString());
  }

  @Test
  void viewsShareMemory() {
    Tensor tensor = slab.allocate(DType.F32, 3, 10);
    fill(tensor, 1);
    Tensor view = slab.view(tensor, 20 * 4, 1, 10);
    fill(view, 7);
    assertEquals(1, tensor.segment().getAtIndex(ValueLayout.JAVA_FLOAT, 19));
    assertEquals(7, tensor.segment().getAtIndex(ValueLayout.JAVA_FLOAT, 20));
  }

  @Test
  void whatWasReleasedIsThereUntilTheNextTensor() {
    Tensor x = slab.allocate(DType.F32, 1, 1000);
    long mark = slab.mark();
    slab.allocate(DType.F32, 1, 1000);
    Tensor result = slab.allocate(DType.F32, 1, 1000);
    fill(result, 5);
    slab.release(mark);
    assertFilled(result, 5, "released");
    assertEquals(mark, slab.mark());
  }

  /** A model of any depth needs the memory of one layer, also in the step in which memory grows. */
  @Test
  void growsByWhatIsNeededAtOnce() {
    int columns = MEGABYTE / 4;
    for (int step = 0; step < 3; step++) {
      slab.reset();
      Tensor x = slab.allocate(DType.F32, 1, columns);
      for (int layer = 0; layer < 100; layer++) {
        long mark = slab.mark();
        for (int i = 0; i < 5; i++) {
          fill(slab.allocate(DType.F32, 1, columns), i);
        }
        Tensor result = slab.allocate(DType.F32, 1, columns);
        fill(result, layer);
        slab.release(mark);
        MemorySegment.copy(result.segment(), 0, x.segment(), 0, x.segment().byteSize());
      }
      assertFilled(x, 99, "step " + step);
      long most = step == 0 ? 16L * MEGABYTE : 8L * MEGABYTE;
      assertTrue(slab.capacity() <= most, slab.capacity() + " bytes in step " + step);
    }
  }

  @Test
  void memoryOfAGrownStepIsOneChunkInTheNext() {
    slab.allocate(DType.F32, 1, 10);
    Tensor large = slab.allocate(DType.F32, 30, MEGABYTE / 4);
    slab.reset();
    assertThrows(IllegalStateException.class, () -> large.segment().get(ValueLayout.JAVA_FLOAT, 0));
    Tensor a = slab.allocate(DType.F32, 1, 10);
    Tensor b = slab.allocate(DType.F32, 30, MEGABYTE / 4);
    assertEquals(Tensor.ALIGNMENT, b.segment().address() - a.segment().address());
    long capacity = slab.capacity();
    slab.reset();
    assertSame(a, slab.allocate(DType.F32, 1, 10));
    assertSame(b, slab.allocate(DType.F32, 30, MEGABYTE / 4));
    assertEquals(capacity, slab.capacity());
  }

  /** What did not fit into the end of a chunk fits into one that is as large as all. */
  @Test
  void whatWasLeftOutInAGrownStepIsNotHeldInTheNext() {
    int columns = MEGABYTE / 4;
    for (int step = 0; step < 3; step++) {
      slab.reset();
      slab.allocate(DType.F32, 3, columns / 4);
      long mark = slab.mark();
      slab.allocate(DType.F32, 1, columns / 2);
      slab.allocate(DType.F32, 1, columns * 2);
      slab.release(mark);
      slab.allocate(DType.F32, 3, columns / 4);
      slab.allocate(DType.F32, 1, columns);
      slab.allocate(DType.F32, 1, columns / 4);
      if (step > 0) {
        assertEquals(13 * MEGABYTE / 4, slab.capacity(), "step " + step);
      }
    }
  }

  @Test
  void emptyTensorsAtTheEndOfAChunk() {
    slab.allocate(DType.F32, 1, MEGABYTE / 4);
    assertEquals("F32[0, 5]", slab.allocate(DType.F32, 0, 5).toString());
    assertEquals("F32[1, 5]", slab.allocate(DType.F32, 1, 5).toString());
  }

  private static void fill(Tensor tensor, float value) {
    for (long i = 0; i < tensor.shape().elements(); i++) {
      tensor.segment().setAtIndex(ValueLayout.JAVA_FLOAT, i, value);
    }
  }

  private static void assertFilled(Tensor tensor, float value, String message) {
    for (long i = 0; i < tensor.shape().elements(); i++) {
      float found = tensor.segment().getAtIndex(ValueLayout.JAVA_FLOAT, i);
      if (found != value) {
        assertEquals(value, found, message + ": " + tensor + " at " + i);
      }
    }
  }
}
