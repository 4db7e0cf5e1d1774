package jllm.format.model;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jllm.format.ModelFormatException;
import jllm.format.StoredTensor;
import jllm.tensor.DType;

/** Small float tensors, read into Java arrays or widened to F32. */
final class Floats {
  private static final ValueLayout.OfFloat F32 =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfShort I16 =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private Floats() {}

  /**
   * The elements of a tensor of type F32, F16 or BF16.
   *
   * @throws ModelFormatException if it is of another type
   */
  static float[] read(StoredTensor tensor) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment data = tensor.map(arena);
      float[] floats = new float[Math.toIntExact(tensor.shape().elements())];
      DType dtype = tensor.requireType();
      for (int i = 0; i < floats.length; i++) {
        floats[i] = at(tensor, dtype, data, i);
      }
      return floats;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static float at(StoredTensor tensor, DType dtype, MemorySegment data, long index) {
    return switch (dtype) {
      case F32 -> data.get(F32, index * 4);
      case F16 -> Float.float16ToFloat(data.get(I16, index * 2));
      case BF16 -> Float.intBitsToFloat(data.get(I16, index * 2) << 16);
      default ->
          throw new ModelFormatException(
              tensor.file().path()
                  + ": tensor "
                  + tensor.name()
                  + " is of type "
                  + tensor.type()
                  + ", expected F32, F16 or BF16");
    };
  }
}
