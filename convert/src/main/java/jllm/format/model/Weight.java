package jllm.format.model;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import jllm.format.ModelFormatException;
import jllm.format.StoredTensor;
import jllm.tensor.DType;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;

/** How a weight comes from what a file stores. */
sealed interface Weight {

  /** Where it comes from: one stored tensor, or several. */
  List<StoredTensor> parts();

  Shape shape();

  DType dtype();

  /** The weight, valid until the arena is closed. */
  Tensor load(Arena arena) throws IOException;

  /** As stored. */
  record Stored(StoredTensor tensor, Shape shape) implements Weight {
    @Override
    public List<StoredTensor> parts() {
      return List.of(tensor);
    }

    @Override
    public DType dtype() {
      return tensor.requireType();
    }

    @Override
    public Tensor load(Arena arena) throws IOException {
      MemorySegment data = tensor.map(arena);
      if (data.address() % Math.min(8, dtype().blockBytes() & -dtype().blockBytes()) != 0) {
        // Nothing obliges a safetensors file to align its data, but kernels read whole elements.
        MemorySegment copy = arena.allocate(tensor.bytes(), Tensor.ALIGNMENT);
        data = copy.copyFrom(data);
      }
      return Tensor.of(data, dtype(), shape);
    }
  }

  /** Stored [I, O], wanted [O, I]: copied. */
  record Transposed(StoredTensor tensor) implements Weight {
    /** Edge of the square tiles of the copy, whose rows and columns both stay in the cache. */
    private static final int TILE = 32;

    @Override
    public List<StoredTensor> parts() {
      return List.of(tensor);
    }

    @Override
    public Shape shape() {
      return Shape.of(tensor.shape().dim(1), tensor.shape().dim(0));
    }

    @Override
    public DType dtype() {
      return tensor.requireType();
    }

    @Override
    public Tensor load(Arena arena) throws IOException {
      try (Arena mapping = Arena.ofConfined()) {
        MemorySegment in = tensor.map(mapping);
        return transpose(Tensor.of(in, dtype(), tensor.shape()), arena);
      }
    }

    /** A copy of a matrix of 2- or 4-byte elements with rows and columns exchanged. */
    static Tensor transpose(Tensor in, Arena arena) {
      int rows = in.dim(0);
      int columns = in.dim(1);
      Tensor out = Tensor.allocate(arena, in.dtype(), Shape.of(columns, rows));
      for (int row = 0; row < rows; row += TILE) {
        for (int column = 0; column < columns; column += TILE) {
          tile(in, out.segment(), row, column);
        }
      }
      return out;
    }

    private static void tile(Tensor matrix, MemorySegment out, int row, int column) {
      MemorySegment in = matrix.segment();
      int rows = matrix.dim(0);
      int columns = matrix.dim(1);
      int bytes = matrix.dtype().blockBytes();
      for (int r = row; r < Math.min(rows, row + TILE); r++) {
        for (int c = column; c < Math.min(columns, column + TILE); c++) {
          long from = ((long) r * columns + c) * bytes;
          long to = ((long) c * rows + r) * bytes;
          if (bytes == 4) {
            out.set(ValueLayout.JAVA_INT, to, in.get(ValueLayout.JAVA_INT_UNALIGNED, from));
          } else {
            out.set(ValueLayout.JAVA_SHORT, to, in.get(ValueLayout.JAVA_SHORT_UNALIGNED, from));
          }
        }
      }
    }
  }

  /** Stored as the difference from 1, wanted whole: widened to F32, in which the sum is exact. */
  record PlusOne(StoredTensor tensor) implements Weight {
    @Override
    public List<StoredTensor> parts() {
      return List.of(tensor);
    }

    @Override
    public Shape shape() {
      return tensor.shape();
    }

    @Override
    public DType dtype() {
      return DType.F32;
    }

    @Override
    public Tensor load(Arena arena) {
      Tensor out = Tensor.allocate(arena, DType.F32, shape());
      float[] values = Floats.read(tensor);
      for (int i = 0; i < values.length; i++) {
        out.segment().setAtIndex(ValueLayout.JAVA_FLOAT, i, values[i] + 1);
      }
      return out;
    }
  }

  /** Stored with its rows in another order: copied. */
  record Moved(StoredTensor tensor, RowMoves moves) implements Weight {
    @Override
    public List<StoredTensor> parts() {
      return List.of(tensor);
    }

    @Override
    public Shape shape() {
      return tensor.shape();
    }

    @Override
    public DType dtype() {
      return tensor.requireType();
    }

    @Override
    public Tensor load(Arena arena) throws IOException {
      try (Arena mapping = Arena.ofConfined()) {
        MemorySegment in = tensor.file().map(tensor.offset(), tensor.bytes(), mapping);
        return moves.copy(Tensor.of(in, dtype(), shape()), arena);
      }
    }
  }

  /** Stored one by one, wanted along a new outermost dimension: copied. */
  record Stacked(List<StoredTensor> parts) implements Weight {
    /**
     * Checks that the parts are matrices of one shape and type.
     *
     * @param name for messages
     */
    static Stacked of(String name, List<StoredTensor> parts) {
      StoredTensor first = parts.getFirst();
      for (StoredTensor part : parts) {
        if (part.shape().rank() != 2
            || !part.shape().equals(first.shape())
            || !part.type().equals(first.type())) {
          throw new ModelFormatException(
              "%s: expert tensors %s (%s) and %s (%s) differ, expected matrices of one shape and type"
                  .formatted(name, first.name(), first.describe(), part.name(), part.describe()));
        }
      }
      return new Stacked(List.copyOf(parts));
    }

    @Override
    public Shape shape() {
      Shape part = parts.getFirst().shape();
      return Shape.of(parts.size(), part.dim(0), part.dim(1));
    }

    @Override
    public DType dtype() {
      return parts.getFirst().requireType();
    }

    @Override
    public Tensor load(Arena arena) throws IOException {
      Tensor out = Tensor.allocate(arena, dtype(), shape());
      long at = 0;
      for (StoredTensor part : parts) {
        try (Arena mapping = Arena.ofConfined()) {
          MemorySegment in = part.map(mapping);
          MemorySegment.copy(in, 0, out.segment(), at, part.bytes());
          at += part.bytes();
        }
      }
      return out;
    }
  }
}
