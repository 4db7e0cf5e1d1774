package jllm.format.pytorch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import jllm.format.Messages;
import jllm.format.ModelFormatException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Pickles of values, and those that are made to do harm. */
class PickleReaderTest {
  private static RawPickle pickle() {
    return new RawPickle();
  }

  private static Object read(RawPickle pickle) {
    return PickleReader.read("test", pickle.finish());
  }

  @Test
  void readsValues() {
    assertEquals("h\u00e9", read(pickle().text("h\u00e9")));
    assertEquals(-5L, read(pickle().number(-5)));
    assertEquals(1L << 40, read(pickle().number(1L << 40)));
    assertEquals(0L, read(pickle().ops(0x8a, 0)));
    assertEquals(-1L, read(pickle().ops(0x8a, 1, 0xff)));
    assertEquals(255L, read(pickle().ops('K', 255)));
    assertEquals(0xfffeL, read(pickle().ops('M', 0xfe, 0xff)));
    assertEquals(1.5, read(pickle().ops('G', 0x3f, 0xf8, 0, 0, 0, 0, 0, 0)));
    assertEquals(List.of(true, false), read(pickle().ops(0x88, 0x89, 0x86)));
    assertEquals(List.of(1L, 2L, 3L), read(pickle().tuple(1, 2, 3)));
    assertEquals(List.of(7L, 7L), read(pickle().ops(']', '(', 'K', 7, '2', 'e')));
    assertEquals(Map.of("a", 1L), read(pickle().op('}').text("a").ops('K', 1, 's')));
    // What was stored is recalled, by short and long numbers; what lies over a mark goes with it.
    assertEquals(
        List.of(9L, 9L),
        read(pickle().ops('K', 9, 'r', 0, 1, 0, 0, '0', 'j', 0, 1, 0, 0, 'q', 3, 'h', 3, 0x86)));
    assertEquals(4L, read(pickle().ops('K', 4, '(', 'N', 'N', '1')));
  }

  @Test
  void readsTheOpcodesOfNewerProtocols() {
    byte[] pickle = {
      (byte) 0x80,
      4,
      (byte) 0x95,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      '}',
      (byte) 0x94,
      (byte) 0x8c,
      1,
      'k',
      (byte) 0x94,
      'h',
      1,
      (byte) 0x8d,
      1,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      'v',
      '0',
      's',
      '.'
    };
    assertEquals(Map.of("k", "k"), PickleReader.read("test", pickle));
  }

  static Stream<Arguments> harm() {
    RawPickle recursive = pickle().ops(']', 'q', 0, 'h', 0, 'a', 'h', 0, 0x85);
    return Stream.of(
        Arguments.of(
            pickle().global("os", "system").text("echo").op(0x85).op('R'), "names os.system"),
        Arguments.of(pickle().global("builtins", "eval"), "names builtins.eval"),
        Arguments.of(pickle().global("torch", "load"), "names torch.load"),
        Arguments.of(pickle().global("torch._utils", "os.system"), "names torch._utils.os.system"),
        Arguments.of(pickle().text("os").text("system").op(0x93), "names os.system"),
        Arguments.of(pickle().global("x\u001b[31m", "y".repeat(500)), "names x?[31m.yyyy"),
        Arguments.of(pickle().ops('(', 'i', 'a', '\n', 'b', '\n'), "makes an object of a class"),
        Arguments.of(pickle().ops('(', 'o'), "makes an object of a class"),
        Arguments.of(
            pickle().global("collections", "OrderedDict").ops(')', 0x81),
            "makes an object of a class"),
        Arguments.of(pickle().ops(0x82, 1), "extension"),
        Arguments.of(pickle().text("system").ops(')', 'R'), "calls what is no function"),
        Arguments.of(
            pickle().global("torch", "FloatStorage").ops(')', 'R'), "calls what is no function"),
        Arguments.of(pickle().text("x").ops('}', 'b'), "sets attributes"),
        Arguments.of(pickle().ops('}', ')', 'N', 's'), "keys are neither texts nor numbers"),
        Arguments.of(pickle().op('}').ops('K', 1, 'N', 's', 'K', 1, 'N', 's'), "the key 1 twice"),
        Arguments.of(pickle().ops('h', 7), "recalls number 7"),
        Arguments.of(pickle().ops('j', 0xff, 0xff, 0xff, 0x7f), "recalls number 2147483647"),
        Arguments.of(pickle().ops('q', 0), "takes more from its stack"),
        Arguments.of(pickle().ops('K', 1, '(', '0'), "takes more from its stack"),
        Arguments.of(pickle().ops('K', 1, '(', 0x85), "takes more from its stack"),
        Arguments.of(pickle().op('t'), "a mark is missing"),
        Arguments.of(pickle(), "takes more from its stack"),
        Arguments.of(pickle().ops('X', 0xff, 0xff, 0xff, 0xff), "a text of 4294967295 bytes"),
        Arguments.of(pickle().ops(0x8d, 0, 0, 0, 0, 0, 0, 0, 0x80), "a text of -"),
        Arguments.of(pickle().ops(0x8a, 200), "a number of 200 bytes"),
        Arguments.of(pickle().ops('N', 0xee), "opcode 0xee at byte 3"),
        Arguments.of(pickle().ops(0x80, 9), "protocol 9"),
        Arguments.of(pickle().ops('K', 1, 'N', 'a'), "appends to what is no list"),
        Arguments.of(pickle().ops(')', 'N', 'a'), "appends to what is no list"),
        Arguments.of(pickle().ops('}', 'N', 'a'), "appends to what is no list"),
        Arguments.of(pickle().ops('N', 'Q'), "no storage of a known type"),
        Arguments.of(
            pickle().global("torch._utils", "_rebuild_tensor_v2").ops('N', 0x85, 'R'),
            "a tensor without storage"),
        Arguments.of(
            pickle().global("torch._utils", "_rebuild_parameter").ops('N', 0x85, 'R'),
            "a parameter without a tensor"),
        Arguments.of(pickle().global("torch", "Size").ops(')', 'R'), "a size without numbers"),
        Arguments.of(
            recursive.append(pickle().ops('}', 'h', 0, 'N', 's')), "neither texts nor numbers"));
  }

  @ParameterizedTest
  @MethodSource("harm")
  void refusesAllElse(RawPickle pickle, String expected) {
    String message = Messages.of(ModelFormatException.class, () -> read(pickle));
    assertTrue(message.startsWith("test: ") && message.contains(expected), message);
    assertTrue(message.length() < 400, message);
  }

  @Test
  void refusesPicklesThatAreCutOff() {
    byte[] whole = pickle().global("collections", "OrderedDict").ops(')', 'R').finish();
    for (int length = 0; length < whole.length; length++) {
      byte[] part = Arrays.copyOf(whole, length);
      Messages.of(ModelFormatException.class, () -> PickleReader.read("test", part));
    }
  }

  /** Programs of a few megabytes that would take gigabytes, or a thread's stack. */
  @Test
  void growthIsBounded() {
    int count = 3 << 20;
    List<byte[]> bombs = new ArrayList<>();
    bombs.add(repeated(new byte[0], ']', count));
    bombs.add(repeated(new byte[0], '(', count));
    bombs.add(repeated(new byte[] {'N'}, '2', count));
    bombs.add(repeated(new byte[] {']'}, (byte) 0x85, count)); // tuples in tuples
    bombs.add(repeated(new byte[] {'N'}, (byte) 0x94, count));
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    for (byte[] bomb : bombs) {
      long before = threads.getCurrentThreadAllocatedBytes();
      String message =
          Messages.of(ModelFormatException.class, () -> PickleReader.read("test", bomb));
      assertTrue(message.contains("more than 1048576 objects"), message);
      long allocated = threads.getCurrentThreadAllocatedBytes() - before;
      assertTrue(allocated < 256 << 20, () -> allocated + " bytes");
    }
  }

  private static byte[] repeated(byte[] start, int opcode, int count) {
    byte[] all = Arrays.copyOf(start, start.length + count);
    Arrays.fill(all, start.length, all.length, (byte) opcode);
    return all;
  }
}
