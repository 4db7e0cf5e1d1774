package jllm.generate;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.zip.CRC32C;
import java.util.zip.CheckedInputStream;
import java.util.zip.CheckedOutputStream;
import jllm.format.ModelFile;
import jllm.format.ModelFormatException;
import jllm.format.StoredTensor;
import jllm.model.KvCache;
import jllm.tensor.Tensor;

/**
 * What a session has seen, as a file, so that a long prompt is computed once. All numbers are
 * big-endian, the elements of the cache as they are in memory:
 *
 * <pre>
 * magic "jllm-kv2", SHA-256 of the model, text of the cache's shape, N, N tokens,
 * for each layer its first position F, the keys [N-F, K*D] and the values [N-F, K*D],
 * CRC-32C of all before
 * </pre>
 */
public final class PromptCache {
  private static final byte[] MAGIC = "jllm-kv2".getBytes(StandardCharsets.US_ASCII);
  private static final int BUFFER = 1 << 16;

  /** Bytes of each tensor that the fingerprint looks at, at its beginning and in its middle. */
  private static final int SAMPLE = 4096;

  private PromptCache() {}

  /**
   * Tells models apart: a hash of configuration, names, types and shapes of the tensors, and of
   * some of the bytes of each.
   *
   * @throws IOException if the file cannot be read
   */
  public static byte[] fingerprint(ModelFile model) throws IOException {
    MessageDigest hash = sha256();
    hash.update(model.config().toString().getBytes(StandardCharsets.UTF_8));
    for (StoredTensor tensor : model.tensors()) {
      hash.update((tensor.name() + tensor.describe()).getBytes(StandardCharsets.UTF_8));
      long bytes = tensor.bytes();
      for (long from : new long[] {0, bytes / 2}) {
        long count = Math.min(SAMPLE, bytes - from);
        try (Arena arena = Arena.ofConfined()) {
          MemorySegment sample = tensor.file().map(tensor.offset() + from, count, arena);
          hash.update(sample.toArray(ValueLayout.JAVA_BYTE));
        }
      }
    }
    return hash.digest();
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("each Java platform has SHA-256", e);
    }
  }

  /** Writes what the session has seen; the caller buffers nothing and closes the stream. */
  public static void save(Session session, byte[] fingerprint, OutputStream stream)
      throws IOException {
    CheckedOutputStream checked = new CheckedOutputStream(stream, new CRC32C());
    DataOutputStream out = new DataOutputStream(checked);
    KvCache cache = session.cache();
    int[] tokens = session.tokens();
    out.write(MAGIC);
    out.write(fingerprint);
    out.writeUTF(shape(cache));
    byte[] list = new byte[4 * tokens.length];
    ByteBuffer.wrap(list).asIntBuffer().put(tokens);
    out.writeInt(tokens.length);
    out.write(list);
    for (int layer = 0; layer < cache.layers(); layer++) {
      int first = cache.first(layer);
      out.writeInt(first);
      write(cache.keys(layer), tokens.length - first, out);
      write(cache.values(layer), tokens.length - first, out);
    }
    out.writeLong(checked.getChecksum().getValue());
    out.flush();
  }

  /**
   * Makes the session one that has seen what the file says, as much of it as there is room for.
   *
   * @param name of the file, for messages
   * @return how many tokens
   * @throws ModelFormatException if it is no such file, damaged, or of another model or other types
   *     of the cache; the session has seen nothing then
   */
  public static int load(Session session, byte[] fingerprint, InputStream stream, String name)
      throws IOException {
    session.rewind(0);
    boolean done = false;
    CheckedInputStream checked = new CheckedInputStream(stream, new CRC32C());
    DataInputStream in = new DataInputStream(checked);
    try {
      if (!Arrays.equals(in.readNBytes(MAGIC.length), MAGIC)) {
        throw new ModelFormatException(name + ": this is no prompt cache of this program");
      }
      if (!Arrays.equals(in.readNBytes(fingerprint.length), fingerprint)) {
        throw new ModelFormatException(
            name + ": this prompt cache belongs to another model; name another file, or delete it");
      }
      String expected = shape(session.cache());
      String found = in.readUTF();
      if (!found.equals(expected)) {
        throw new ModelFormatException(
            name
                + ": this prompt cache holds "
                + found
                + ", the session "
                + expected
                + "; give the --cache-type that it was made with, or delete it");
      }
      int seen = load(session, in, checked);
      done = true;
      return seen;
    } catch (EOFException e) {
      throw new ModelFormatException(name + ": the file ends too early; delete it", e);
    } catch (DamagedException e) {
      throw new ModelFormatException(name + ": the file is damaged; delete it", e);
    } finally {
      if (!done) {
        session.rewind(0);
      }
    }
  }

  private static int load(Session session, DataInputStream in, CheckedInputStream checked)
      throws IOException, DamagedException {
    KvCache cache = session.cache();
    int count = in.readInt();
    int vocabulary = session.model().config().vocabularySize();
    if (count < 0) {
      throw new DamagedException();
    }
    TokenList tokens = new TokenList();
    int used = Math.min(count, cache.capacity());
    for (int i = 0; i < count; i++) {
      int token = in.readInt();
      if (token < 0 || token >= vocabulary) {
        throw new DamagedException();
      }
      if (i < used) {
        tokens.add(token);
      }
    }
    boolean whole = true;
    for (int layer = 0; layer < cache.layers(); layer++) {
      int first = in.readInt();
      if (first < 0 || first > count) {
        throw new DamagedException();
      }
      int from = Math.clamp(used - cache.keys(layer).rows(), first, count);
      cache.begin(layer, from);
      read(cache.keys(layer), from - first, used - first, count - first, in);
      read(cache.values(layer), from - first, used - first, count - first, in);
      whole &= cache.reaches(layer, used);
    }
    long sum = checked.getChecksum().getValue();
    if (in.readLong() != sum) {
      throw new DamagedException();
    }
    session.restore(tokens.toArray());
    return whole ? used : session.rewind(0);
  }

  private static final class DamagedException extends Exception {
    private static final long serialVersionUID = 1;
  }

  /** Such as {@code 22 layers, keys F16[*, 256], values F16[*, 256]}. */
  private static String shape(KvCache cache) {
    return "%d layers, keys %s[*, %d], values %s[*, %d]"
        .formatted(
            cache.layers(),
            cache.types().keys(),
            cache.keys(0).columns(),
            cache.types().values(),
            cache.values(0).columns());
  }

  private static void write(Tensor tensor, int rows, OutputStream out) throws IOException {
    long bytes = rows * tensor.dtype().bytes(tensor.columns());
    byte[] buffer = new byte[BUFFER];
    for (long at = 0; at < bytes; ) {
      int count = (int) Math.min(BUFFER, bytes - at);
      MemorySegment.copy(tensor.segment(), ValueLayout.JAVA_BYTE, at, buffer, 0, count);
      out.write(buffer, 0, count);
      at += count;
    }
  }

  /** Reads {@code rows} rows, of which those from {@code from} to {@code to} are wanted. */
  private static void read(Tensor tensor, int from, int to, int rows, DataInputStream in)
      throws IOException {
    long rowBytes = tensor.dtype().bytes(tensor.columns());
    in.skipNBytes(from * rowBytes);
    byte[] buffer = new byte[BUFFER];
    long wanted = Math.max(0, to - from) * rowBytes;
    for (long at = 0; at < wanted; ) {
      int count = (int) Math.min(BUFFER, wanted - at);
      in.readFully(buffer, 0, count);
      MemorySegment.copy(buffer, 0, tensor.segment(), ValueLayout.JAVA_BYTE, at, count);
      at += count;
    }
    in.skipNBytes((rows - from) * rowBytes - wanted);
  }
}
