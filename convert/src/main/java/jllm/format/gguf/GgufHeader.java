package jllm.format.gguf;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import jllm.format.MappedFile;
import jllm.format.StoredTensor;
import jllm.tensor.Shape;

/** The part of a file before the tensor data: parsed, and checked against the size of the file. */
record GgufHeader(
    int version, int alignment, Map<String, GgufValue> metadata, List<StoredTensor> tensors) {
  static final int MAGIC = 0x46554747; // "GGUF", little-endian
  static final String ALIGNMENT_KEY = "general.alignment";
  static final int DEFAULT_ALIGNMENT = 32;
  static final int MAX_RANK = 4;

  /** Bytes of the shortest possible metadata entry and tensor entry. */
  private static final int MIN_ENTRY = 8 + 4 + 1;

  private static final int MIN_TENSOR = 8 + 4 + 8 + 4 + 8;
  private static final int MAX_NAME = 65535;
  private static final int MAX_ALIGNMENT = 1 << 30;

  /**
   * @param data the start of the file, long enough for the header, little-endian
   */
  static GgufHeader parse(MappedFile file, ByteBuffer data) {
    GgufDecoder in = new GgufDecoder(file.path().toString(), data, file.size());
    if (in.u32() != MAGIC) {
      throw in.damaged("not a GGUF file: it does not start with the letters GGUF");
    }
    int version = version(in);
    in.reading("the header");
    long tensorCount = in.count();
    long entryCount = in.count();
    checkCount(in, "metadata entries", entryCount, MIN_ENTRY);
    checkCount(in, "tensors", tensorCount, MIN_TENSOR);

    Map<String, GgufValue> metadata = metadata(in, (int) entryCount);
    int alignment = alignment(in, metadata);
    List<Entry> entries = entries(in, (int) tensorCount);
    long dataStart = align(in.position(), alignment);
    List<StoredTensor> tensors = new ArrayList<>(entries.size());
    for (Entry entry : entries) {
      tensors.add(entry.locate(in, file, dataStart, alignment));
    }
    checkOverlaps(in, tensors);
    return new GgufHeader(version, alignment, metadata, List.copyOf(tensors));
  }

  private static int version(GgufDecoder in) {
    in.reading("the version");
    long version = in.u32();
    if (version != 0 && (version & 0xFFFF) == 0) {
      throw in.damaged(
          "a big-endian GGUF file; only little-endian ones are supported: convert it with"
              + " gguf_convert_endian.py of llama.cpp");
    }
    if (version < 2 || version > 3) {
      throw in.damaged("GGUF version " + version + "; versions 2 and 3 are supported");
    }
    return (int) version;
  }

  private static void checkCount(GgufDecoder in, String what, long count, int smallest) {
    if (count > in.remaining() / smallest) {
      throw in.damaged(
          "the header announces "
              + count
              + " "
              + what
              + ", but the file is too short for so many: damaged, or an incomplete download?");
    }
  }

  private static Map<String, GgufValue> metadata(GgufDecoder in, int count) {
    Map<String, GgufValue> metadata = new LinkedHashMap<>();
    for (int i = 0; i < count; i++) {
      in.reading("the key of metadata entry " + (i + 1) + " of " + count);
      String key = name(in);
      in.reading("metadata key " + key);
      GgufValue value = in.value(in.valueType());
      if (metadata.put(key, value) != null) {
        throw in.damaged("metadata key " + key + " occurs twice");
      }
    }
    return metadata;
  }

  private static int alignment(GgufDecoder in, Map<String, GgufValue> metadata) {
    GgufValue value = metadata.get(ALIGNMENT_KEY);
    if (value == null) {
      return DEFAULT_ALIGNMENT;
    }
    if (value instanceof GgufValue.Scalar scalar
        && !scalar.isReal()
        && scalar.bits() > 0
        && scalar.bits() <= MAX_ALIGNMENT
        && Long.bitCount(scalar.bits()) == 1) {
      return (int) scalar.bits();
    }
    throw in.damaged(ALIGNMENT_KEY + " is " + value.plain() + ", expected a power of two");
  }

  private static List<Entry> entries(GgufDecoder in, int count) {
    List<Entry> entries = new ArrayList<>();
    Set<String> names = new LinkedHashSet<>();
    for (int i = 0; i < count; i++) {
      in.reading("the name of tensor " + (i + 1) + " of " + count);
      String name = name(in);
      in.reading("the description of tensor " + name);
      if (!names.add(name)) {
        throw in.damaged("tensor " + name + " is listed twice");
      }
      entries.add(Entry.read(in, name));
    }
    return entries;
  }

  private static String name(GgufDecoder in) {
    String name = in.string();
    if (name.length() > MAX_NAME) {
      throw in.damaged("a name of " + name.length() + " characters; at most 65535 are legal");
    }
    return name;
  }

  private static void checkOverlaps(GgufDecoder in, List<StoredTensor> tensors) {
    List<StoredTensor> sorted = new ArrayList<>(tensors);
    sorted.sort(Comparator.comparingLong(StoredTensor::offset));
    for (int i = 1; i < sorted.size(); i++) {
      StoredTensor before = sorted.get(i - 1);
      StoredTensor after = sorted.get(i);
      if (after.offset() < before.offset() + before.bytes()) {
        throw in.damaged(
            "the data of tensors " + before.name() + " and " + after.name() + " overlap");
      }
    }
  }

  static long align(long position, int alignment) {
    return (position + alignment - 1) & -(long) alignment;
  }

  /** A tensor as the header describes it, before the start of the data is known. */
  private record Entry(String name, GgmlType type, Shape shape, long bytes, long offset) {

    static Entry read(GgufDecoder in, String name) {
      long rank = in.u32();
      if (rank < 1 || rank > MAX_RANK) {
        throw in.damaged("tensor " + name + " has " + rank + " dimensions; 1 to 4 are legal");
      }
      int[] dims = new int[(int) rank];
      long elements = 1;
      for (int axis = dims.length - 1; axis >= 0; axis--) { // the file has the innermost first
        long dim = in.count();
        if (dim < 1 || dim > Integer.MAX_VALUE || elements > Long.MAX_VALUE / 64 / dim) {
          throw in.damaged("tensor " + name + " has an absurd dimension of " + dim);
        }
        elements *= dim;
        dims[axis] = (int) dim;
      }
      GgmlType type = type(in, name);
      int columns = dims[dims.length - 1];
      if (columns % type.blockLength() != 0) {
        throw in.damaged(
            "tensor "
                + name
                + " has rows of "
                + columns
                + " elements, which is no multiple of the "
                + type.blockLength()
                + " in a block of "
                + type);
      }
      long bytes = elements / type.blockLength() * type.blockBytes();
      return new Entry(name, type, Shape.of(dims), bytes, in.count());
    }

    private static GgmlType type(GgufDecoder in, String name) {
      long id = in.u32();
      GgmlType type = GgmlType.of(id);
      if (type == null) {
        throw in.damaged(
            "tensor " + name + " is of type number " + id + ", which this program does not know");
      }
      return type;
    }

    StoredTensor locate(GgufDecoder in, MappedFile file, long dataStart, int alignment) {
      if (offset % alignment != 0) {
        throw in.damaged(
            "the data of tensor " + name + " start at " + offset + ", no multiple of " + alignment);
      }
      if (offset > Long.MAX_VALUE / 2 || dataStart + offset + bytes > file.size()) {
        throw in.damaged(
            "the file ends at byte "
                + file.size()
                + ", but tensor "
                + name
                + " needs "
                + bytes
                + " bytes from "
                + Long.toUnsignedString(dataStart + offset)
                + " on: an incomplete download?");
      }
      return new StoredTensor(
          name, type.name(), type.dtype(), shape, file, dataStart + offset, bytes);
    }
  }
}
