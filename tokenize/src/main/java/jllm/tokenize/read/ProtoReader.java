package jllm.tokenize.read;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import jllm.tokenize.TokenizerFormatException;

/**
 * Reads a message in the wire format of Protocol Buffers (protobuf.dev/programming-guides/encoding)
 * field by field. Fields that nobody asks for are passed over, as the format wants.
 */
final class ProtoReader {

  private final byte[] bytes;
  private final int end;
  private final String name;
  private int at;
  private int wireType;

  ProtoReader(byte[] bytes, String name) {
    this(bytes, 0, bytes.length, name);
  }

  private ProtoReader(byte[] bytes, int from, int to, String name) {
    this.bytes = bytes;
    this.at = from;
    this.end = to;
    this.name = name;
  }

  /** Moves to the next field; its number, or -1 at the end of the message. */
  int next() {
    if (at == end) {
      return -1;
    }
    long key = varint();
    wireType = (int) (key & 7);
    long field = key >>> 3;
    if (field < 1 || field > 0x1fffffff) {
      throw damaged("the field number " + field);
    }
    return (int) field;
  }

  /** Passes over the value of the present field. */
  void skip() {
    switch (wireType) {
      case 0 -> varint();
      case 1 -> advance(8);
      case 2 -> advance(length());
      case 5 -> advance(4);
      default -> throw damaged("the wire type " + wireType);
    }
  }

  /** The present field as a number. */
  int integer() {
    expect(0);
    return (int) varint();
  }

  boolean bool() {
    return integer() != 0;
  }

  /** The present field as a 32-bit float. */
  float float32() {
    expect(5);
    int from = advance(4);
    return Float.intBitsToFloat(
        bytes[from] & 0xff
            | (bytes[from + 1] & 0xff) << 8
            | (bytes[from + 2] & 0xff) << 16
            | bytes[from + 3] << 24);
  }

  byte[] bytes() {
    expect(2);
    int n = length();
    int from = advance(n);
    return Arrays.copyOfRange(bytes, from, from + n);
  }

  String string() {
    return new String(bytes(), StandardCharsets.UTF_8);
  }

  /** The present field as a message. */
  ProtoReader message() {
    expect(2);
    int n = length();
    int from = advance(n);
    return new ProtoReader(bytes, from, from + n, name);
  }

  private void expect(int type) {
    if (wireType != type) {
      throw damaged("the wire type " + wireType + " where " + type + " belongs");
    }
  }

  private int length() {
    long n = varint();
    if (n < 0 || n > end - at) {
      throw damaged("a length of " + Long.toUnsignedString(n) + " with " + (end - at) + " left");
    }
    return (int) n;
  }

  private int advance(int n) {
    if (n > end - at) {
      throw damaged("its end inside a value");
    }
    int from = at;
    at += n;
    return from;
  }

  private long varint() {
    long value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (at == end) {
        throw damaged("its end inside a number");
      }
      byte b = bytes[at++];
      value |= (long) (b & 0x7f) << shift;
      if (b >= 0) {
        return value;
      }
    }
    throw damaged("a number of more than 64 bits");
  }

  private TokenizerFormatException damaged(String what) {
    return new TokenizerFormatException(
        name
            + " is no SentencePiece model, or damaged: at byte "
            + at
            + " it has "
            + what
            + "; expected a message of Protocol Buffers");
  }
}
