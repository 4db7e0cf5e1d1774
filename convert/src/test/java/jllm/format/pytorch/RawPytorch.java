package jllm.format.pytorch;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/** Writes a PyTorch checkpoint for tests: the opcodes that {@code torch.save} writes. */
public final class RawPytorch {
  private final RawPickle pickle = new RawPickle();
  private final Map<String, byte[]> storages = new LinkedHashMap<>();

  /** Starts a state_dict. */
  public RawPytorch() {
    pickle.global("collections", "OrderedDict").op(')').op('R').op('(');
  }

  /** Adds a row-major tensor with a storage of its own. */
  public RawPytorch tensor(String name, String storageType, int[] shape, byte[] data) {
    int[] strides = new int[shape.length];
    int elements = 1;
    for (int axis = shape.length - 1; axis >= 0; axis--) {
      strides[axis] = elements;
      elements *= shape[axis];
    }
    String key = storage(data);
    return view(name, storageType, key, elements, 0, shape, strides);
  }

  /** Adds a storage and returns its key. */
  public String storage(byte[] data) {
    String key = Integer.toString(storages.size());
    storages.put(key, data);
    return key;
  }

  /** Adds a tensor that looks at a storage. */
  public RawPytorch view(
      String name,
      String storageType,
      String key,
      long elements,
      long offset,
      int[] shape,
      int[] strides) {
    pickle.text(name).global("torch._utils", "_rebuild_tensor_v2").op('(');
    pickle.op('(').text("storage").global("torch", storageType).text(key).text("cpu");
    pickle.number(elements).op('t').op('Q');
    pickle.number(offset).tuple(shape).tuple(strides).op(0x89);
    pickle.global("collections", "OrderedDict").op(')').op('R').op('t').op('R');
    return this;
  }

  /** Adds opcodes inside the dictionary. */
  public RawPytorch more(RawPickle opcodes) {
    pickle.append(opcodes);
    return this;
  }

  public Path write(Path path) throws IOException {
    RawPickle attributes = new RawPickle().op('}').text("_metadata");
    attributes.global("collections", "OrderedDict").op(')').op('R').op('s').op('b');
    pickle.op('u').append(attributes);
    return write(path, pickle.finish());
  }

  /** A file of any pickle. */
  public Path write(Path path, byte[] data) throws IOException {
    Map<String, byte[]> entries = new LinkedHashMap<>();
    entries.put("archive/data.pkl", data);
    entries.put("archive/byteorder", "little".getBytes(StandardCharsets.US_ASCII));
    storages.forEach((key, bytes) -> entries.put("archive/data/" + key, bytes));
    entries.put("archive/version", "3\n".getBytes(StandardCharsets.US_ASCII));
    return zip(path, entries, ZipEntry.STORED);
  }

  /** A zip archive. */
  static Path zip(Path path, Map<String, byte[]> entries, int method) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    zip(bytes, entries, method);
    return Files.write(path, bytes.toByteArray());
  }

  private static void zip(OutputStream out, Map<String, byte[]> entries, int method)
      throws IOException {
    try (ZipOutputStream zip = new ZipOutputStream(out)) {
      for (Map.Entry<String, byte[]> entry : entries.entrySet()) {
        ZipEntry header = new ZipEntry(entry.getKey());
        CRC32 crc = new CRC32();
        crc.update(entry.getValue());
        header.setMethod(method);
        header.setSize(entry.getValue().length);
        header.setCrc(crc.getValue());
        zip.putNextEntry(header);
        zip.write(entry.getValue());
        zip.closeEntry();
      }
    }
  }
}
