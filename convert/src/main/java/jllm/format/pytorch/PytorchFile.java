package jllm.format.pytorch;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import jllm.format.MappedFile;
import jllm.format.MappedTensorFile;
import jllm.format.ModelFormatException;
import jllm.format.StoredTensor;
import jllm.tensor.Shape;

/** The tensors of a PyTorch checkpoint, or of several files that an index holds together. */
public final class PytorchFile extends MappedTensorFile {
  private PytorchFile() {}

  /**
   * Opens one file.
   *
   * @throws IOException if it is missing or cannot be read
   * @throws ModelFormatException if it is damaged, or holds more than tensors
   */
  public static PytorchFile open(Path path) throws IOException {
    PytorchFile file = new PytorchFile();
    file.load(path);
    return file;
  }

  /**
   * Opens the files that an index ({@code pytorch_model.bin.index.json}) names.
   *
   * @throws IOException if the index or one of the files is missing or cannot be read
   * @throws ModelFormatException if one is damaged, or lacks a tensor that the index puts there
   */
  public static PytorchFile openIndex(Path index) throws IOException {
    PytorchFile all = new PytorchFile();
    all.loadIndex(index);
    return all;
  }

  @Override
  protected void read(MappedFile file) throws IOException {
    Path path = file.path();
    PytorchArchive archive = PytorchArchive.read(file);
    Object content = PickleReader.read(path.toString(), archive.pickle());
    if (!(content instanceof Map<?, ?> map)
        || map.values().stream().noneMatch(PickledTensor.class::isInstance)) {
      throw new ModelFormatException(
          path
              + ": holds no tensors by name at its top level"
              + (content instanceof Map<?, ?> other
                  ? ", but "
                      + other.keySet().stream()
                          .limit(5)
                          .map(String::valueOf)
                          .collect(Collectors.joining(", "))
                  : "")
              + "; expected the state_dict of a model");
    }
    for (Map.Entry<?, ?> entry : map.entrySet()) {
      // Numbers beside the weights, such as an epoch, mean nothing here.
      if (entry.getValue() instanceof PickledTensor tensor) {
        put(stored(file, archive, String.valueOf(entry.getKey()), tensor));
      }
    }
  }

  private static StoredTensor stored(
      MappedFile file, PytorchArchive archive, String name, PickledTensor tensor) {
    StorageType type = tensor.storage().type();
    Shape shape = shape(file, name, tensor.sizes());
    PytorchArchive.Entry data = archive.storage(tensor.storage().key());
    long elements = tensor.storage().elements();
    if (elements < 0 || elements > data.bytes() / type.bytes()) {
      throw damaged(
          file,
          "the data of tensor %s should have %d elements of %s, but take %d bytes"
              .formatted(name, elements, type.type(), data.bytes()));
    }
    if (tensor.offset() < 0 || last(shape, tensor) >= elements) {
      throw damaged(
          file,
          "tensor %s %s with strides %s starts at element %d of %d, and does not end there"
              .formatted(name, shape, tensor.strides(), tensor.offset(), elements));
    }
    if (shape.elements() > elements) {
      throw damaged(
          file,
          "tensor %s %s repeats its %d elements; save a copy of it (tensor.contiguous())"
              .formatted(name, shape, elements));
    }
    return new StoredTensor(
        name,
        type.type(),
        type.dtype(),
        shape,
        file,
        data.offset() + tensor.offset() * type.bytes(),
        shape.elements() * type.bytes(),
        isRowMajor(shape, tensor.strides()) ? List.of() : List.copyOf(tensor.strides()));
  }

  /** A scalar, which has no dimensions, is seen as a vector of one element. */
  private static Shape shape(MappedFile file, String name, List<Long> sizes) {
    long elements = 1;
    for (long size : sizes) {
      if (size < 0 || size > Integer.MAX_VALUE || (size > 0 && elements > (1L << 56) / size)) {
        throw damaged(file, "tensor " + name + " has the absurd shape " + sizes);
      }
      elements *= size;
    }
    return sizes.isEmpty()
        ? Shape.of(1)
        : Shape.of(sizes.stream().mapToInt(Long::intValue).toArray());
  }

  /** The place of the last element in the storage; {@link Long#MAX_VALUE} if it is past any. */
  private static long last(Shape shape, PickledTensor tensor) {
    if (shape.elements() == 0) {
      return -1;
    }
    long limit = tensor.storage().elements();
    long last = tensor.offset();
    for (int axis = 0; axis < tensor.strides().size(); axis++) {
      long stride = tensor.strides().get(axis);
      long steps = shape.dim(axis) - 1L;
      if (stride < 0 || (steps > 0 && stride > limit / steps)) {
        return Long.MAX_VALUE;
      }
      last += steps * stride;
      if (last < 0 || last >= limit) {
        return Long.MAX_VALUE;
      }
    }
    return last;
  }

  private static boolean isRowMajor(Shape shape, List<Long> strides) {
    long expected = 1;
    for (int axis = strides.size() - 1; axis >= 0; axis--) {
      if (shape.dim(axis) > 1 && strides.get(axis) != expected) {
        return shape.elements() == 0;
      }
      expected *= shape.dim(axis);
    }
    return true;
  }

  private static ModelFormatException damaged(MappedFile file, String message) {
    return new ModelFormatException(file.path() + ": " + message);
  }

  @Override
  public String format() {
    return "PyTorch";
  }

  @Override
  public Map<String, Object> metadata() {
    return Map.of();
  }
}
