package jllm.format.pytorch;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/** Opcodes of pickle protocol 2, for tests. */
public final class RawPickle {
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();

  public RawPickle op(int opcode) {
    out.write(opcode);
    return this;
  }

  /** Opcodes, and their arguments, by their bytes. */
  public RawPickle ops(int... bytes) {
    for (int value : bytes) {
      out.write(value);
    }
    return this;
  }

  public RawPickle global(String module, String name) {
    out.writeBytes(("c" + module + "\n" + name + "\n").getBytes(StandardCharsets.UTF_8));
    return this;
  }

  public RawPickle text(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    out.write('X');
    out.writeBytes(little(4).putInt(bytes.length).array());
    out.writeBytes(bytes);
    return this;
  }

  public RawPickle number(long value) {
    if (value == (int) value) {
      out.write('J');
      out.writeBytes(little(4).putInt((int) value).array());
    } else {
      out.write(0x8a);
      out.write(8);
      out.writeBytes(little(8).putLong(value).array());
    }
    return this;
  }

  public RawPickle tuple(int... numbers) {
    out.write('(');
    for (int number : numbers) {
      number(number);
    }
    out.write('t');
    return this;
  }

  public RawPickle append(RawPickle more) {
    out.writeBytes(more.out.toByteArray());
    return this;
  }

  private static ByteBuffer little(int bytes) {
    return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  /** The pickle of all that. */
  public byte[] finish() {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    all.write(0x80);
    all.write(2);
    all.writeBytes(out.toByteArray());
    all.write('.');
    return all.toByteArray();
  }
}
