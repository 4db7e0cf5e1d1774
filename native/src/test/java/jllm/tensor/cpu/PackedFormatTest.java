package jllm.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Map;
import java.util.Random;
import jllm.ffi.kernels.KernelLibrary;
import jllm.ffi.kernels.TestLibrary;
import jllm.tensor.DType;
import jllm.tensor.Shape;
import jllm.tensor.Storage;
import jllm.tensor.Tensor;
import jllm.tensor.quant.Conversions;
import jllm.tensor.quant.RandomBlocks;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Packed weights against the codecs of their types. */
class PackedFormatTest {
  private static final int[] ROWS = {1, 15, 16, 17, 37};
  private static final int[] COLUMNS = {1, 2, 3, 7, 8, 31, 32, 96, 256, 257, 600, 768};

  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      mode = EnumSource.Mode.EXCLUDE,
      names = {"F64", "I32"})
  void panelsHoldTheDecodedValues(DType type) {
    for (int columns : COLUMNS) {
      for (int rows : type.divides(columns) ? ROWS : new int[0]) {
        try (Arena arena = Arena.ofShared();
            Workers workers = new Workers(rows % 3 + 1)) {
          Tensor weight = random(arena, type, Shape.of(rows, columns));
          Tensor packed = new Packer(workers, null).pack(weight, arena);
          for (int stride : new int[] {16, 32}) {
            assertPanels(arena, weight, 0, packed, 0, stride);
          }
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      mode = EnumSource.Mode.EXCLUDE,
      names = {"F64", "I32"})
  void packsEachExpert(DType type) {
    int columns = type.isQuantized() ? 512 : 301;
    try (Arena arena = Arena.ofShared();
        Workers workers = new Workers(2)) {
      Tensor weight = random(arena, type, Shape.of(3, 21, columns));
      Tensor packed = new Packer(workers, null).pack(weight, arena);
      assertEquals(weight.shape(), packed.shape());
      for (int expert = 0; expert < 3; expert++) {
        assertPanels(arena, weight, expert, packed, expert, 32);
      }
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      mode = EnumSource.Mode.EXCLUDE,
      names = {"F64", "I32"})
  void rowsCanBeRestored(DType type) {
    for (int columns : COLUMNS) {
      if (!type.divides(columns)) {
        continue;
      }
      try (Arena arena = Arena.ofShared();
          Workers workers = new Workers(2)) {
        int rows = 19;
        Tensor weight = random(arena, type, Shape.of(rows, columns));
        Tensor packed = new Packer(workers, null).pack(weight, arena);
        Storage.Packed storage = (Storage.Packed) packed.storage();
        PackedFormat format = (PackedFormat) storage.packing();
        long rowBytes = type.bytes(columns);
        MemorySegment row = arena.allocate(rowBytes);
        for (int r = 0; r < rows; r++) {
          format.restore(
              storage.segment(), r / 16 * format.tileBytes(columns), r % 16, columns, row);
          assertArrayEquals(
              weight.segment().asSlice(r * rowBytes, rowBytes).toArray(ValueLayout.JAVA_BYTE),
              row.toArray(ValueLayout.JAVA_BYTE),
              type + ", row " + r + " of " + columns + " columns");
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      mode = EnumSource.Mode.EXCLUDE,
      names = {"F64", "I32"})
  void takesTheBytesOfTheFile(DType type) {
    assertEquals(type.bytes(2048) * 64, PackedFormat.of(type).bytes(64, 2048));
  }

  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      mode = EnumSource.Mode.EXCLUDE,
      names = {"F64", "I32"})
  void theLibraryPacksAlike(DType type) {
    KernelLibrary library = TestLibrary.open(Map.of());
    int columns = type.isQuantized() ? 512 : 301;
    for (int rows : ROWS) {
      try (Arena arena = Arena.ofShared();
          Workers workers = new Workers(3)) {
        Tensor weight = random(arena, type, Shape.of(2, rows, columns));
        Tensor expected = new Packer(workers, null).pack(weight, arena);
        Tensor found = new Packer(workers, library).pack(weight, arena);
        long differs =
            expected.storage().byteSize() == found.storage().byteSize()
                ? ((Storage.Packed) expected.storage())
                    .segment()
                    .mismatch(((Storage.Packed) found.storage()).segment())
                : 0;
        assertEquals(-1, differs, type + " of " + rows + " rows differs at a byte");
      }
    }
  }

  @Test
  void namesATypeWithoutKernels() {
    var thrown = assertThrows(IllegalArgumentException.class, () -> PackedFormat.of(DType.F64));
    assertTrue(String.valueOf(thrown.getMessage()).contains("F64"), thrown.toString());
  }

  /** All panels of a matrix, the columns in steps, and nothing beside them. */
  private static void assertPanels(
      Arena arena, Tensor weight, int matrix, Tensor packed, int expert, int stride) {
    Storage.Packed storage = (Storage.Packed) packed.storage();
    PackedFormat format = (PackedFormat) storage.packing();
    int rows = weight.dim(-2);
    int columns = weight.columns();
    long base = expert * format.bytes(rows, columns);
    int step = PanelReader.COLUMN_STEP;
    MemorySegment panel = arena.allocate(4L * stride * step, 64);
    for (int row = 0; row < rows; row += PanelReader.ROWS) {
      for (int from = 0; from < columns; from += step) {
        int to = Math.min(columns, from + step);
        panel.fill((byte) -1);
        format.read(storage.segment(), base, rows, columns, row, from, to, panel, 0, stride);
        for (int r = 0; r < stride; r++) {

          float[] expected =
              r < 16 && row + r < rows
                  ? Conversions.row(weight, (long) matrix * rows + row + r)
                  : new float[columns];
          for (int k = from; k < from + step; k++) {
            float found = panel.getAtIndex(JAVA_FLOAT, (long) (k - from) * stride + r);
            if (r >= 16 || k >= to) {
              assertTrue(Float.isNaN(found), weight + " wrote beside its panel");
            } else {
              assertEquals(
                  expected[k], found, Math.abs(expected[k]) * 1e-6 + 1e-12, weight + " at " + k);
            }
          }
        }
      }
    }
  }

  private static Tensor random(Arena arena, DType type, Shape shape) {
    Tensor weight = Tensor.allocate(arena, type, shape);
    RandomBlocks.fill(weight, new Random(shape.hashCode()), 0.5f);
    return weight;
  }
}
