package jllm.format.gguf;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import jllm.format.Messages;
import jllm.format.ModelFormatException;
import jllm.format.StoredTensor;
import jllm.tensor.Shape;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class GgufFileTest {
  private static final int F32 = 0;
  private static final int Q4_0 = 2;

  @TempDir Path folder;

  private GgufFile open(RawGguf raw) throws IOException {
    return GgufFile.open(raw.write(folder.resolve("test.gguf")));
  }

  @Test
  void readsEveryTypeOfValue() throws IOException {
    RawGguf raw =
        RawGguf.header(3, 0, 14)
            .key("u8", ValueType.U8)
            .u8(200)
            .key("i8", ValueType.I8)
            .u8(200)
            .key("u16", ValueType.U16)
            .u8(0xFE)
            .u8(0xFF)
            .key("i16", ValueType.I16)
            .u8(0xFE)
            .u8(0xFF)
            .key("u32", ValueType.U32)
            .u32(0xFFFFFFFFL)
            .key("i32", ValueType.I32)
            .u32(-5)
            .key("f32", ValueType.F32)
            .f32(1e-5f)
            .key("bool", ValueType.BOOL)
            .u8(1)
            .key("string", ValueType.STRING)
            .letters("\u0003\0\0\0\0\0\0\0\u00e2\u0082\u00ac")
            .key("u64", ValueType.U64)
            .u64(1L << 40)
            .key("i64", ValueType.I64)
            .u64(-7)
            .key("f64", ValueType.F64)
            .u64(Double.doubleToLongBits(0.1))
            .key("strings", ValueType.ARRAY)
            .u32(ValueType.STRING.id())
            .u64(3)
            .string("a")
            .string("")
            .string("bc")
            .key("nested", ValueType.ARRAY)
            .u32(ValueType.ARRAY.id())
            .u64(2)
            .u32(ValueType.U8.id())
            .u64(2)
            .u8(1)
            .u8(2)
            .u32(ValueType.STRING.id())
            .u64(1)
            .string("x");
    try (GgufFile file = open(raw)) {
      GgufMetadata metadata = file.metadata();
      assertEquals(
          "{u8=200, i8=-56, u16=65534, i16=-2, u32=4294967295, i32=-5, f32=1.0E-5, bool=true,"
              + " string=€, u64=1099511627776, i64=-7, f64=0.1, strings=[a, , bc],"
              + " nested=[[1, 2], [x]]}",
          metadata.plain().toString());
      assertEquals(4294967295L, metadata.integer("u32"));
      assertEquals(-5.0, metadata.real("i32"));
      assertThrows(ModelFormatException.class, () -> metadata.integer("string"));
      assertThrows(ModelFormatException.class, () -> metadata.text("u8"));
      assertThrows(ModelFormatException.class, () -> metadata.bool("u8"));
    }
  }

  @Test
  void arraysOfEqualNumbersCountAsOne() throws IOException {
    RawGguf raw =
        RawGguf.header(2, 0, 2)
            .key("equal", ValueType.ARRAY)
            .u32(ValueType.U32.id())
            .u64(3)
            .u32(4)
            .u32(4)
            .u32(4)
            .key("different", ValueType.ARRAY)
            .u32(ValueType.U32.id())
            .u64(2)
            .u32(4)
            .u32(5);
    try (GgufFile file = open(raw)) {
      assertEquals(2, file.version());
      assertEquals(4, file.metadata().integer("equal"));
      String message =
          Messages.of(ModelFormatException.class, () -> file.metadata().integer("different"));
      assertTrue(message.contains("different differs from layer to layer"), message);
    }
  }

  @Test
  void honoursTheAlignment() throws IOException {
    RawGguf raw =
        RawGguf.header(3, 1, 1)
            .key("general.alignment", ValueType.U32)
            .u32(256)
            .tensor("t", F32, 256, 2)
            .data(600);
    try (GgufFile file = open(raw)) {
      StoredTensor tensor = found(file.tensor("t"));
      assertEquals(512, tensor.offset());
      assertEquals(256, file.alignment());
    }
  }

  private static StoredTensor found(@Nullable StoredTensor tensor) {
    assertNotNull(tensor);
    return tensor;
  }

  @Test
  void listsTypesThatNobodyComputesWith() throws IOException {
    RawGguf raw = RawGguf.header(3, 1, 0).tensor("t", 16, 0, 256, 3).data(3 * 66);
    try (GgufFile file = open(raw)) {
      StoredTensor tensor = found(file.tensor("t"));
      assertEquals("IQ2_XXS[3, 256]", tensor.describe());
      String message = Messages.of(ModelFormatException.class, tensor::requireType);
      assertTrue(message.contains("tensor t is of type IQ2_XXS"), message);
      assertTrue(message.contains("Q8_0"), message);
    }
  }

  static Stream<Arguments> damaged() {
    long huge = 1L << 60;
    return Stream.of(
        Arguments.of("only the letters", new RawGguf().letters("GGUF"), "ends at byte 4"),
        Arguments.of("header cut", new RawGguf().letters("GGUF").u32(3).u64(1), "ends at byte 16"),
        Arguments.of("version 1", RawGguf.header(1, 0, 0), "GGUF version 1; versions 2 and 3"),
        Arguments.of("version 77", RawGguf.header(77, 0, 0), "GGUF version 77"),
        Arguments.of("big-endian", RawGguf.header(0x03000000, 0, 0), "big-endian"),
        Arguments.of("many entries", RawGguf.header(3, 0, huge), "metadata entries, but"),
        Arguments.of("many tensors", RawGguf.header(3, huge, 0), "tensors, but"),
        Arguments.of("negative count", RawGguf.header(3, -1, 0), "absurd"),
        Arguments.of(
            "long key", RawGguf.header(3, 0, 1).u64(1000).data(100), "the key of metadata entry 1"),
        Arguments.of(
            "unknown value type",
            RawGguf.header(3, 0, 1).string("k").u32(13).data(100),
            "metadata key k has value type 13"),
        Arguments.of(
            "long string",
            RawGguf.header(3, 0, 1).key("k", ValueType.STRING).u64(huge).data(100),
            "inside metadata key k"),
        Arguments.of(
            "long array",
            RawGguf.header(3, 0, 1).key("k", ValueType.ARRAY).u32(5).u64(huge).data(100),
            "an array of " + huge + " values"),
        Arguments.of(
            "deep array", deep(RawGguf.header(3, 0, 1).key("k", ValueType.ARRAY)), "nests arrays"),
        Arguments.of(
            "key twice",
            RawGguf.header(3, 0, 2)
                .key("k", ValueType.U8)
                .u8(1)
                .key("k", ValueType.U8)
                .u8(1)
                .data(64),
            "metadata key k occurs twice"),
        Arguments.of(
            "odd alignment",
            RawGguf.header(3, 0, 1).key("general.alignment", ValueType.U32).u32(48).data(64),
            "expected a power of two"),
        Arguments.of(
            "rank 0", RawGguf.header(3, 1, 0).tensor("t", F32, 0).data(64), "has 0 dimensions"),
        Arguments.of(
            "rank 5",
            RawGguf.header(3, 1, 0).tensor("t", F32, 0, 1, 1, 1, 1, 1).data(64),
            "has 5 dimensions"),
        Arguments.of(
            "no elements",
            RawGguf.header(3, 1, 0).tensor("t", F32, 0, 4, 0).data(64),
            "tensor t has an absurd dimension of 0"),
        Arguments.of(
            "overflow",
            RawGguf.header(3, 1, 0).tensor("t", F32, 0, 1 << 30, 1 << 30, 1 << 30).data(64),
            "absurd dimension"),
        Arguments.of(
            "unknown type",
            RawGguf.header(3, 1, 0).tensor("t", 77, 0, 4).data(64),
            "tensor t is of type number 77"),
        Arguments.of(
            "part of a block",
            RawGguf.header(3, 1, 0).tensor("t", Q4_0, 0, 33).data(64),
            "tensor t has rows of 33 elements"),
        Arguments.of(
            "unaligned",
            RawGguf.header(3, 1, 0).tensor("t", F32, 4, 4).data(64),
            "start at 4, no multiple of 32"),
        Arguments.of(
            "name twice",
            RawGguf.header(3, 2, 0).tensor("t", F32, 0, 4).tensor("t", F32, 32, 4).data(64),
            "tensor t is listed twice"),
        Arguments.of(
            "overlap",
            RawGguf.header(3, 2, 0).tensor("t", F32, 0, 16).tensor("u", F32, 32, 4).data(64),
            "tensors t and u overlap"),
        Arguments.of(
            "data cut",
            RawGguf.header(3, 1, 0).tensor("t", F32, 0, 16).data(63),
            "tensor t needs 64 bytes"),
        Arguments.of(
            "far away",
            RawGguf.header(3, 1, 0).tensor("t", F32, Long.MAX_VALUE / 32 * 32, 16).data(64),
            "tensor t needs 64 bytes"));
  }

  private static RawGguf deep(RawGguf raw) {
    for (int level = 0; level < 50; level++) {
      raw.u32(ValueType.ARRAY.id()).u64(1);
    }
    return raw.data(100);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource
  void damaged(String name, RawGguf raw, String expected) throws IOException {
    Path path = raw.write(folder.resolve("test.gguf"));
    String message = Messages.of(ModelFormatException.class, () -> GgufFile.open(path));
    assertTrue(message.startsWith(path.toString()), message);
    assertTrue(message.contains(expected), message);
  }

  private Path part(String prefix, int number, int count, String tensor) throws IOException {
    return RawGguf.header(3, 1, 3)
        .key("split.no", ValueType.U16)
        .u8(number - 1)
        .u8(0)
        .key("split.count", ValueType.U16)
        .u8(count)
        .u8(0)
        .key("split.tensors.count", ValueType.I32)
        .u32(count)
        .tensor(tensor, F32, 0, 4)
        .data(16)
        .write(folder.resolve("%s-%05d-of-%05d.gguf".formatted(prefix, number, count)));
  }

  @Test
  void anyPartOpensAll() throws IOException {
    List<Path> parts = List.of(part("m", 1, 3, "a"), part("m", 2, 3, "b"), part("m", 3, 3, "c"));
    for (Path path : parts) {
      try (GgufFile file = GgufFile.open(path)) {
        assertEquals(List.of("a", "b", "c"), List.copyOf(file.tensors().keySet()));
        assertEquals(Shape.of(4), found(file.tensor("b")).shape());
        assertEquals(parts.get(1), found(file.tensor("b")).file().path());
        assertEquals(0, file.metadata().integer("split.no"));
      }
    }
  }

  @Test
  void aMissingPartIsNamed() throws IOException {
    Path first = part("m", 1, 3, "a");
    part("m", 3, 3, "c");
    String message = Messages.of(NoSuchFileException.class, () -> GgufFile.open(first));
    assertTrue(message.contains("m-00002-of-00003.gguf: missing; it is part 2 of 3"), message);
  }

  @Test
  void partsThatDoNotBelongTogether() throws IOException {
    Path twice = part("t", 1, 2, "a");
    part("t", 2, 2, "a");
    String message = Messages.of(ModelFormatException.class, () -> GgufFile.open(twice));
    assertTrue(message.contains("tensor a is in an earlier part already"), message);

    Path swapped = part("s", 1, 2, "a");
    Files.copy(swapped, folder.resolve("s-00002-of-00002.gguf"));
    message = Messages.of(ModelFormatException.class, () -> GgufFile.open(swapped));
    assertTrue(message.contains("says that it is part 1 of 2, but its name says 2"), message);

    Path renamed = Files.copy(swapped, folder.resolve("other.gguf"));
    message = Messages.of(ModelFormatException.class, () -> GgufFile.open(renamed));
    assertTrue(message.contains("one of 2 parts, but not named"), message);
  }

  @Test
  void missingOrAFolder() {
    Messages.of(NoSuchFileException.class, () -> GgufFile.open(folder.resolve("none.gguf")));
    String message = Messages.of(FileSystemException.class, () -> GgufFile.open(folder));
    assertTrue(message.contains("is a folder"), message);
  }
}
