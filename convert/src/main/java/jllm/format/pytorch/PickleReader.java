package jllm.format.pytorch;

import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import jllm.format.ModelFormatException;

/**
 * Reads a pickle (protocols 2 to 5, described in Python's {@code pickletools.py}) that holds
 * tensors. A pickle is a program for a machine with a stack; this one knows numbers, texts, lists,
 * tuples, dictionaries and the few names of {@link PickleGlobal}, and refuses all else: it makes no
 * objects of any class and calls nothing.
 *
 * <p>Values are String, Long, Double, Boolean, {@link None}, List (of lists and tuples), Map, and
 * those of {@link PickledTensor}.
 */
final class PickleReader {
  private static final int MAX_RANK = 16;
  private static final int SHOWN_NAME = 60;

  /** On the stack, remembered, lists and dictionaries: a model of 100,000 tensors has fewer. */
  private static final int MAX_OBJECTS = 1 << 20;

  /** Python's value of that name. */
  enum None {
    NONE
  }

  private final String source;
  private final ByteBuffer in;
  private final List<Object> stack = new ArrayList<>();
  private final List<Integer> marks = new ArrayList<>();
  private final Map<Integer, Object> memo = new HashMap<>();
  private int containers;

  private PickleReader(String source, byte[] pickle) {
    this.source = source;
    this.in = ByteBuffer.wrap(pickle).order(ByteOrder.LITTLE_ENDIAN);
  }

  /**
   * The object in a pickle.
   *
   * @param source for messages
   * @throws ModelFormatException if it is damaged or holds other things than tensors
   */
  static Object read(String source, byte[] pickle) {
    PickleReader reader = new PickleReader(source, pickle);
    try {
      return reader.run();
    } catch (BufferUnderflowException e) {
      throw new ModelFormatException(source + ": the pickle ends in the middle", e);
    }
  }

  private Object run() {
    while (true) {
      int at = in.position();
      int opcode = in.get() & 0xFF;
      if (opcode == '.') {
        return pop();
      }
      step(opcode, at);
      if (stack.size() > MAX_OBJECTS
          || marks.size() > MAX_OBJECTS
          || memo.size() > MAX_OBJECTS
          || containers > MAX_OBJECTS) {
        throw damaged("more than " + MAX_OBJECTS + " objects: these are no weights of a model");
      }
    }
  }

  private void step(int opcode, int at) {
    switch (opcode) {
      case 0x80 -> protocol(in.get() & 0xFF);
      case 0x95 -> in.getLong(); // FRAME: how much to read at once
      case '(' -> marks.add(stack.size());
      case '0' -> pop();
      case '1' -> popMark();
      case '2' -> push(top());
      case 'N' -> push(None.NONE);
      case 0x88 -> push(true);
      case 0x89 -> push(false);
      case 'J' -> push((long) in.getInt());
      case 'K' -> push((long) (in.get() & 0xFF));
      case 'M' -> push((long) (in.getShort() & 0xFFFF));
      case 0x8a -> push(integer(in.get() & 0xFF));
      case 'G' -> push(Double.longBitsToDouble(Long.reverseBytes(in.getLong())));
      case 'X' -> push(text(in.getInt() & 0xFFFFFFFFL));
      case 0x8c -> push(text(in.get() & 0xFF));
      case 0x8d -> push(text(in.getLong()));
      case 'h' -> push(remembered(in.get() & 0xFF));
      case 'j' -> push(remembered(in.getInt()));
      case 'q' -> memo.put(in.get() & 0xFF, top());
      case 'r' -> memo.put(in.getInt(), top());
      case 0x94 -> memo.put(memo.size(), top());
      case ')' -> push(List.of());
      case 0x85 -> push(tuple(stack.size() - 1));
      case 0x86 -> push(tuple(stack.size() - 2));
      case 0x87 -> push(tuple(stack.size() - 3));
      case 't' -> push(tuple(mark()));
      case ']' -> push(container(new ArrayList<>()));
      case '}' -> push(container(new LinkedHashMap<>()));
      case 'a' -> append(stack.size() - 1);
      case 'e' -> append(mark());
      case 's' -> set(stack.size() - 2);
      case 'u' -> set(mark());
      case 'c' -> push(global(line(), line()));
      case 0x93 -> stackGlobal();
      case 'R' -> reduce();
      case 'b' -> build();
      case 'Q' -> push(storage());
      case 'i', 'o', 0x81, 0x92 -> throw refused("makes an object of a class");
      case 0x82, 0x83, 0x84 -> throw refused("uses an extension of Python's registry");
      default -> throw damaged("opcode 0x%02x at byte %d has no place in it".formatted(opcode, at));
    }
  }

  private void protocol(int version) {
    if (version < 2 || version > 5) {
      throw damaged("protocol " + version + ", expected 2 to 5");
    }
  }

  // The stack.

  private void push(Object value) {
    stack.add(value);
  }

  private Object top() {
    requireDepth(stack.size() - 1);
    return stack.getLast();
  }

  private Object pop() {
    requireDepth(stack.size() - 1);
    return stack.removeLast();
  }

  /** What lies above a mark cannot be reached past it. */
  private void requireDepth(int start) {
    if (start < (marks.isEmpty() ? 0 : marks.getLast())) {
      throw damaged("it takes more from its stack than it has put there");
    }
  }

  private int mark() {
    if (marks.isEmpty()) {
      throw damaged("a mark is missing on its stack");
    }
    return marks.removeLast();
  }

  private void popMark() {
    int start = mark();
    stack.subList(start, stack.size()).clear();
  }

  /** The values from a place of the stack on, which they leave. */
  private List<Object> take(int start) {
    requireDepth(start);
    List<Object> top = stack.subList(start, stack.size());
    List<Object> values = new ArrayList<>(top);
    top.clear();
    return values;
  }

  // Values.

  private <T> T container(T container) {
    containers++;
    return container;
  }

  private List<Object> tuple(int start) {
    return container(take(start));
  }

  private long integer(int bytes) {
    if (bytes > Long.BYTES) {
      throw damaged("a number of " + bytes + " bytes");
    }
    long value = 0;
    for (int i = 0; i < bytes; i++) {
      value |= (in.get() & 0xFFL) << 8 * i;
    }
    int unused = Long.SIZE - 8 * bytes;
    return bytes == 0 ? 0 : value << unused >> unused;
  }

  private String text(long bytes) {
    if (bytes < 0 || bytes > in.remaining()) {
      throw damaged("a text of " + bytes + " bytes, but " + in.remaining() + " are left");
    }
    String text = new String(in.array(), in.position(), (int) bytes, StandardCharsets.UTF_8);
    in.position(in.position() + (int) bytes);
    return text;
  }

  private String line() {
    int start = in.position();
    int end = start;
    while (in.get() != '\n') {
      end++;
    }
    return new String(in.array(), start, end - start, StandardCharsets.UTF_8);
  }

  private Object remembered(int index) {
    Object value = memo.get(index);
    if (value == null) {
      throw damaged("it recalls number " + index + ", which it has not stored");
    }
    return value;
  }

  @SuppressWarnings("unchecked") // lists are of objects
  private void append(int start) {
    List<Object> values = take(start);
    if (!(top() instanceof ArrayList<?> list)) {
      throw damaged("it appends to what is no list");
    }
    ((List<Object>) list).addAll(values);
  }

  @SuppressWarnings("unchecked") // maps are of objects
  private void set(int start) {
    List<Object> values = take(start);
    if (values.size() % 2 != 0 || !(top() instanceof Map<?, ?> map)) {
      throw damaged("it puts a value into what is no dictionary");
    }
    for (int i = 0; i < values.size(); i += 2) {
      // Others could be nested so deeply that hashing them overflows.
      Object key = values.get(i);
      if (!(key instanceof String || key instanceof Long)) {
        throw refused("has a dictionary whose keys are neither texts nor numbers");
      }
      if (((Map<Object, Object>) map).put(key, values.get(i + 1)) != null) {
        throw damaged("a dictionary has the key " + shown(key.toString()) + " twice");
      }
    }
  }

  // Names and calls.

  private void stackGlobal() {
    List<Object> names = take(stack.size() - 2);
    if (!(names.get(0) instanceof String module) || !(names.get(1) instanceof String name)) {
      throw damaged("the name of a function is no text");
    }
    push(global(module, name));
  }

  private PickleGlobal global(String module, String name) {
    PickleGlobal global = PickleGlobal.of(module, name);
    if (global == null) {
      throw refused("names " + shown(module + "." + name));
    }
    return global;
  }

  /** Text of a damaged or hostile file, fit for a terminal. */
  private static String shown(String text) {
    String visible = text.replaceAll("\\p{Cntrl}", "?");
    return visible.length() <= SHOWN_NAME ? visible : visible.substring(0, SHOWN_NAME) + "...";
  }

  private void reduce() {
    List<Object> call = take(stack.size() - 2);
    if (!(call.get(0) instanceof PickleGlobal.Function function)
        || !(call.get(1) instanceof List<?> arguments)) {
      throw refused("calls what is no function for tensors");
    }
    push(
        switch (function) {
          case ORDERED_DICT -> {
            if (!arguments.isEmpty()) {
              throw damaged("an OrderedDict that is made of something");
            }
            yield container(new LinkedHashMap<>());
          }
          case REBUILD_TENSOR -> tensor(arguments);
          case REBUILD_PARAMETER -> {
            if (arguments.isEmpty() || !(arguments.getFirst() instanceof PickledTensor tensor)) {
              throw damaged("a parameter without a tensor");
            }
            yield tensor;
          }
          case SIZE -> {
            if (arguments.size() != 1 || !(arguments.getFirst() instanceof List<?> sizes)) {
              throw damaged("a size without numbers");
            }
            yield sizes;
          }
        });
  }

  /** Attributes of a dictionary (state_dict's versions of modules) are dropped. */
  private void build() {
    pop();
    if (!(top() instanceof Map)) {
      throw refused("sets attributes of what is no dictionary");
    }
  }

  private PickledTensor tensor(List<?> arguments) {
    if (arguments.size() >= 4
        && arguments.get(0) instanceof PickledTensor.Storage storage
        && arguments.get(1) instanceof Long offset) {
      List<Long> sizes = longs(arguments.get(2));
      List<Long> strides = longs(arguments.get(3));
      if (sizes.size() == strides.size()) {
        return container(new PickledTensor(storage, offset, sizes, strides));
      }
    }
    throw damaged("a tensor without storage, offset, sizes and as many strides");
  }

  private List<Long> longs(Object value) {
    if (!(value instanceof List<?> list) || list.size() > MAX_RANK) {
      throw damaged(
          "a tensor of more than " + MAX_RANK + " dimensions, or of none that are listed");
    }
    List<Long> longs = new ArrayList<>();
    for (Object element : list) {
      if (!(element instanceof Long number)) {
        throw damaged("a tensor whose sizes or strides are no whole numbers");
      }
      longs.add(number);
    }
    return longs;
  }

  private PickledTensor.Storage storage() {
    if (pop() instanceof List<?> id
        && id.size() >= 5
        && "storage".equals(id.get(0))
        && id.get(1) instanceof StorageType type
        && id.get(2) instanceof String key
        && id.get(4) instanceof Long elements) {
      return container(new PickledTensor.Storage(type, key, elements));
    }
    throw damaged("a reference to data that is no storage of a known type");
  }

  private ModelFormatException damaged(String message) {
    return new ModelFormatException(source + ": damaged pickle: " + message);
  }

  private ModelFormatException refused(String what) {
    return new ModelFormatException(
        "%s: the pickle %s, which a file of weights has no need of; it was not run. Save the model's state_dict (its tensors alone), or as safetensors"
            .formatted(source, what));
  }
}
