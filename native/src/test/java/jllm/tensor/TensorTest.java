package jllm.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;

class TensorTest {
  private final Arena arena = Arena.ofAuto();

  @Test
  void shapes() {
    Shape shape = Shape.of(2, 3, 5);
    assertEquals(3, shape.rank());
    assertEquals(30, shape.elements());
    assertEquals(6, shape.rows());
    assertEquals(5, shape.columns());
    assertEquals(3, shape.dim(1));
    assertEquals(5, shape.dim(-1));
    assertEquals("[2, 3, 5]", shape.toString());
    assertEquals(Shape.of(2, 3, 5), shape);
    assertEquals(Shape.of(2, 3, 5).hashCode(), shape.hashCode());
    assertNotEquals(Shape.of(6, 5), shape);
    assertEquals(0, Shape.of(3, 0).rows());
    assertEquals(1L << 40, Shape.of(1 << 20, 1 << 20).elements());
  }

  @Test
  void impossibleShapes() {
    assertThrows(IllegalArgumentException.class, () -> Shape.of());
    assertThrows(IllegalArgumentException.class, () -> Shape.of(2, -1));
    int big = Integer.MAX_VALUE;
    assertThrows(ArithmeticException.class, () -> Shape.of(big, big, big));
  }

  @Test
  void aShapeDoesNotFollowItsArgument() {
    int[] dims = {2, 3};
    Shape shape = Shape.of(dims);
    dims[0] = 7;
    assertEquals("[2, 3]", shape.toString());
  }

  @Test
  void allocatedMemoryIsZeroAndAligned() {
    Tensor tensor = Tensor.allocate(arena, DType.Q8_0, Shape.of(3, 64));
    assertEquals(3 * 2 * 34, Tensor.byteSize(DType.Q8_0, tensor.shape()));
    assertEquals(0, tensor.segment().address() % Tensor.ALIGNMENT);
    for (long i = 0; i < tensor.segment().byteSize(); i++) {
      assertEquals(0, tensor.segment().get(ValueLayout.JAVA_BYTE, i));
    }
    assertEquals("Q8_0[3, 64]", tensor.toString());
  }

  @Test
  void memoryMustBeLargeEnoughAndOffHeap() {
    MemorySegment small = arena.allocate(47);
    IllegalArgumentException error =
        assertThrows(
            IllegalArgumentException.class, () -> Tensor.of(small, DType.F32, Shape.of(3, 4)));
    assertEquals("a tensor F32[3, 4] needs 48 bytes; the storage has 47", error.getMessage());
    MemorySegment heap = MemorySegment.ofArray(new float[12]);
    assertThrows(IllegalArgumentException.class, () -> Tensor.of(heap, DType.F32, Shape.of(3, 4)));
  }

  @Test
  void slices() {
    Tensor tensor = Tensor.allocate(arena, DType.Q4_0, Shape.of(4, 2, 32));
    Tensor slice = tensor.slice(1, 2);
    assertEquals("Q4_0[2, 2, 32]", slice.toString());
    assertEquals(2 * 18, slice.segment().address() - tensor.segment().address());
    assertEquals(2 * 2 * 18, slice.segment().byteSize());
    assertEquals(0, tensor.slice(4, 0).shape().elements());
    assertThrows(IndexOutOfBoundsException.class, () -> tensor.slice(3, 2));
    assertThrows(IndexOutOfBoundsException.class, () -> tensor.slice(-1, 2));
    assertThrows(IndexOutOfBoundsException.class, () -> tensor.slice(1, -1));
    assertThrows(IndexOutOfBoundsException.class, () -> tensor.slice(2, Integer.MAX_VALUE));
  }

  @Test
  void reshapes() {
    Tensor tensor = Tensor.allocate(arena, DType.F32, Shape.of(4, 6));
    assertEquals("F32[2, 12]", tensor.reshape(2, 12).toString());
    assertThrows(IllegalArgumentException.class, () -> tensor.reshape(5, 5));
    Tensor blocks = Tensor.allocate(arena, DType.Q8_0, Shape.of(4, 64));
    assertEquals("Q8_0[2, 2, 64]", blocks.reshape(2, 2, 64).toString());
    assertThrows(IllegalArgumentException.class, () -> blocks.reshape(8, 32));
  }

  @Test
  void packedMemoryIsNotReadAsRows() {
    Storage.Packing packing = () -> "tiles";
    Tensor packed =
        new Tensor(DType.Q8_0, Shape.of(16, 32), new Storage.Packed(arena.allocate(544), packing));
    assertEquals("Q8_0[16, 32] tiles", packed.toString());
    assertThrows(IllegalStateException.class, packed::segment);
  }

  @Test
  void attentionSpecsAreChecked() {
    assertEquals(4, new AttentionSpec(8, 2, 64, 0.125f, 0, 0, true).groupSize());
    assertThrows(IllegalArgumentException.class, () -> new AttentionSpec(8, 3, 64, 1, 0, 0, true));
    assertThrows(IllegalArgumentException.class, () -> new AttentionSpec(8, 0, 64, 1, 0, 0, true));
    assertThrows(
        IllegalArgumentException.class, () -> new AttentionSpec(8, 8, 64, 1, 0, 16, false));
    assertThrows(IllegalArgumentException.class, () -> new AttentionSpec(8, 8, 64, 1, 0, -1, true));
  }
}
