package jllm.tokenize.corpus;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CorpusTest {
  @TempDir Path folder;

  /** Puts chunks together to documents and keeps what was skipped. */
  static final class Documents implements DocumentSink {
    final List<String> texts = new ArrayList<>();
    final List<String> skipped = new ArrayList<>();
    final ByteArrayOutputStream open = new ByteArrayOutputStream();
    boolean inside;
    int chunks;
    long position;
    int limit = Integer.MAX_VALUE;

    @Override
    public boolean accept(Chunk chunk) {
      assertEquals(!inside, chunk.first());
      assertTrue(chunk.position() >= position);
      position = chunk.position();
      chunks++;
      String part = new String(chunk.bytes(), UTF_8);
      assertArrayEquals(chunk.bytes(), part.getBytes(UTF_8), "a chunk ends between characters");
      open.writeBytes(chunk.bytes());
      inside = !chunk.last();
      if (chunk.last()) {
        texts.add(open.toString(UTF_8));
        open.reset();
      }
      return texts.size() < limit;
    }

    @Override
    public void skipped(String message) {
      skipped.add(message);
    }
  }

  private Path write(String name, byte[] bytes) throws IOException {
    Path path = folder.resolve(name);
    Files.createDirectories(path.getParent());
    return Files.write(path, bytes);
  }

  private Path write(String name, String text) throws IOException {
    return write(name, text.getBytes(UTF_8));
  }

  private static Documents read(CorpusOptions options, Path... paths) throws IOException {
    Documents documents = new Documents();
    CorpusSummary summary = Corpus.of(List.of(paths), options).read(documents);
    assertFalse(documents.inside);
    assertTrue(summary.complete());
    assertEquals(documents.texts.size(), summary.documents());
    assertEquals(documents.skipped.size(), summary.skipped());
    assertEquals(
        documents.texts.stream().mapToLong(t -> t.getBytes(UTF_8).length).sum(),
        summary.textBytes());
    return documents;
  }

  private static String message(Throwable e) {
    return String.valueOf(e.getMessage());
  }

  @Test
  void oneDocumentAFileVerbatim() throws IOException {
    Path a = write("a.txt", "\uFEFFone\r\ntwo\n\n");
    Path empty = write("b.txt", "");
    Path c = write("c", "three");
    Documents d = read(CorpusOptions.DEFAULT, a, empty, c);
    assertEquals(List.of("\uFEFFone\r\ntwo\n\n", "three"), d.texts);
  }

  @Test
  void separatorCutsDocumentsAndEmptyOnesAreNone() throws IOException {
    Path a = write("a.txt", "<s>one<s><s>two <<s>three<s");
    Documents d = read(CorpusOptions.DEFAULT.withSeparator("<s>"), a);
    assertEquals(List.of("one", "two <", "three<s"), d.texts);
  }

  @Test
  void longTextComesInPartsThatEndBetweenCharacters() throws IOException {
    long seed = 12;
    Random random = new Random(seed);
    StringBuilder b = new StringBuilder();
    while (b.length() < 3 * CorpusReader.WHOLE) {
      b.appendCodePoint(0x10000 + random.nextInt(50000)).append("aé\u4e2d", 0, random.nextInt(4));
    }
    String text = b.toString();
    Documents d = read(CorpusOptions.DEFAULT, write("long.txt", text));
    assertEquals(1, d.texts.size());
    assertTrue(d.chunks > 2);
    assertEquals(text, d.texts.get(0), "seed " + seed);
    // The same with separators that fall anywhere.
    String separated = text.substring(0, 5_000_001) + "--|--" + text.substring(5_000_001);
    d = read(CorpusOptions.DEFAULT.withSeparator("--|--"), write("two.txt", separated));
    assertEquals(2, d.texts.size());
    assertEquals(text, d.texts.get(0) + d.texts.get(1));
  }

  @Test
  void separatorAcrossReadsIsFound() throws IOException {
    for (int length : new int[] {65534, 65535, 65536, 65537, 131071}) {
      String text = "x".repeat(length) + "##" + "y".repeat(length);
      Documents d =
          read(CorpusOptions.DEFAULT.withSeparator("##"), write("t" + length + ".txt", text));
      assertEquals(List.of("x".repeat(length), "y".repeat(length)), d.texts);
    }
  }

  @Test
  void invalidUtf8IsReportedWithOffsetAndLine() throws IOException {
    Path bad = write("bad.txt", new byte[] {'a', '\n', 'b', (byte) 0xff, 'c'});
    CorpusException e = assertThrows(CorpusException.class, () -> read(CorpusOptions.DEFAULT, bad));
    assertTrue(
        message(e).startsWith(bad + ": invalid UTF-8 at byte offset 3, line 2 (byte 0xFF)"),
        message(e));
    assertEquals(
        List.of("a\nb\uFFFDc"), read(CorpusOptions.DEFAULT.withReplaceInvalid(true), bad).texts);
    Documents d = read(CorpusOptions.DEFAULT.withSkipBroken(true), bad, write("g.txt", "good"));
    assertEquals(List.of("good"), d.texts);
    assertEquals(1, d.skipped.size());
    // A character that the end of the file cuts off.
    Path cut = write("cut.txt", new byte[] {'a', (byte) 0xe4, (byte) 0xb8});
    e = assertThrows(CorpusException.class, () -> read(CorpusOptions.DEFAULT, cut));
    assertTrue(message(e).contains("byte offset 1, line 1"), message(e));
  }

  @Test
  void offsetsGoOnAcrossParts() throws IOException {
    byte[] text = "0123456789abcde\n".repeat(CorpusReader.WHOLE / 8).getBytes(UTF_8);
    int at = text.length - 20;
    text[at] = (byte) 0xc0;
    Path bad = write("bad.txt", text);
    CorpusException e = assertThrows(CorpusException.class, () -> read(CorpusOptions.DEFAULT, bad));
    String where = "byte offset " + at + ", line " + (at / 16 + 1);
    assertTrue(message(e).contains(where), message(e));
    // It can be left out whole all the same.
    assertEquals(
        List.of("ok"),
        read(CorpusOptions.DEFAULT.withSkipBroken(true), bad, write("ok.txt", "ok")).texts);
  }

  @Test
  void jsonLines() throws IOException {
    Path a =
        write(
            "a.jsonl",
            "\uFEFF{\"id\": 1, \"text\": \"one\\u00e9\\n\", \"text\": \"again\"}\r\n\n  \n"
                + "{\"meta\": {\"text\": [\"no\"]}, \"text\": \"\\ud83d\\ude00\"}\n"
                + "{\"text\": \"\"}\n{\"text\":\"last\"}");
    assertEquals(
        List.of("one\u00e9\n", "\uD83D\uDE00", "last"), read(CorpusOptions.DEFAULT, a).texts);
    Path b = write("b.dat", "{\"body\": \"x\"}\n");
    assertEquals(
        List.of("x"),
        read(CorpusOptions.DEFAULT.withFormat(CorpusOptions.Format.JSON_LINES).withField("body"), b)
            .texts);
    assertEquals(
        List.of("{\"body\": \"x\"}\n"),
        read(CorpusOptions.DEFAULT.withFormat(CorpusOptions.Format.TEXT), b).texts);
  }

  @Test
  void brokenJsonLinesAreReportedWithTheirLine() throws IOException {
    String[] broken = {
      "{\"text\": \"x\"",
      "[1, 2]",
      "plain words",
      "{\"text\": 5}",
      "{\"text\": null}",
      "{\"other\": \"x\"}",
      "{\"text\": \"x\"} {\"text\": \"y\"}",
      "{\"text\": \"\\ud800\"}",
      "{\"text\": \"x\", }",
    };
    for (String line : broken) {
      Path file = write("c.jsonl", "{\"text\": \"ok\"}\n\n" + line + "\n{\"text\": \"then\"}\n");
      CorpusException e =
          assertThrows(CorpusException.class, () -> read(CorpusOptions.DEFAULT, file), line);
      assertTrue(message(e).startsWith(file + ": line 3: "), message(e));
      Documents d = read(CorpusOptions.DEFAULT.withSkipBroken(true), file);
      assertEquals(List.of("ok", "then"), d.texts, line);
      assertEquals(1, d.skipped.size());
    }
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    bytes.writeBytes("{\"text\": \"a\"}\n{\"text\": \"".getBytes(UTF_8));
    bytes.write(0xfe);
    bytes.writeBytes("\"}\n".getBytes(UTF_8));
    Path file = write("d.jsonl", bytes.toByteArray());
    CorpusException e =
        assertThrows(CorpusException.class, () -> read(CorpusOptions.DEFAULT, file));
    assertTrue(message(e).contains("line 2: invalid UTF-8 at byte offset 24"), message(e));
    assertEquals(
        List.of("a", "\uFFFD"), read(CorpusOptions.DEFAULT.withReplaceInvalid(true), file).texts);
  }

  @Test
  void foldersAreReadInOrderWithoutHiddenFiles() throws IOException {
    write("in/b/two.txt", "two");
    write("in/a.txt", "one");
    write("in/.hidden", "no");
    write("in/.git/x.txt", "no");
    write("in/c.md", "md");
    Path in = folder.resolve("in");
    assertEquals(List.of("one", "two", "md"), read(CorpusOptions.DEFAULT, in).texts);
    assertEquals(
        List.of("one", "two"), read(CorpusOptions.DEFAULT.withInclude(List.of("*.txt")), in).texts);
    assertEquals(List.of("two"), read(CorpusOptions.DEFAULT.withInclude(List.of("b/*")), in).texts);
    CorpusException e =
        assertThrows(
            CorpusException.class,
            () -> Corpus.of(List.of(in), CorpusOptions.DEFAULT.withInclude(List.of("*.java"))));
    assertTrue(message(e).contains("no file"), message(e));
    assertThrows(
        NoSuchFileException.class,
        () -> Corpus.of(List.of(folder.resolve("none")), CorpusOptions.DEFAULT));
  }

  @Test
  void summaryHasHashesAndSizes() throws Exception {
    byte[] bytes = "hello\n".repeat(100_000).getBytes(UTF_8);
    Path plain = write("a.txt", bytes);
    Path zip = write("b.zip", Samples.zip(List.of("m.txt", "n.txt"), List.of(bytes, bytes)));
    Path gz = write("c.gz", Samples.compress("gz", bytes));
    Corpus corpus = Corpus.of(List.of(plain, zip, gz), CorpusOptions.DEFAULT.withHash(true));
    assertEquals(Files.size(plain) + Files.size(zip) + Files.size(gz), corpus.size());
    Documents documents = new Documents();
    CorpusSummary summary = corpus.read(documents);
    assertEquals(4, summary.documents());
    assertEquals(4L * bytes.length, summary.textBytes());
    assertEquals(corpus.size(), documents.position);
    for (SourceSummary source : summary.sources()) {
      byte[] file = Files.readAllBytes(Path.of(source.name()));
      assertEquals(file.length, source.bytes());
      assertEquals(
          HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(file)),
          source.sha256());
    }
  }

  @Test
  void theSinkMayStop() throws IOException {
    Path a = write("a.jsonl", "{\"text\": \"x\"}\n".repeat(1000));
    Documents documents = new Documents();
    documents.limit = 3;
    CorpusSummary summary =
        Corpus.of(List.of(a, a), CorpusOptions.DEFAULT.withHash(true)).read(documents);
    assertEquals(3, documents.texts.size());
    assertFalse(summary.complete());
    assertNull(summary.sources().get(0).sha256());
    assertEquals(1, summary.sources().size());
  }

  @Test
  void streamsAreReadOnce() throws IOException {
    Corpus corpus =
        Corpus.of(
            "standard input",
            new ByteArrayInputStream(Samples.compress("zst", "text".getBytes(UTF_8))),
            CorpusOptions.DEFAULT);
    assertEquals(-1, corpus.size());
    assertFalse(corpus.isRepeatable());
    Documents documents = new Documents();
    corpus.read(documents);
    assertEquals(List.of("text"), documents.texts);
  }

  @Test
  void compressedFilesOfEveryKindAlsoInSeveralParts() throws IOException {
    String text = "some text, \u4e2d\u6587\n".repeat(5000);
    byte[] bytes = text.getBytes(UTF_8);
    for (String kind : List.of("gz", "zst", "xz", "bz2")) {
      byte[] packed = Samples.compress(kind, bytes);
      Path one = write("x.txt." + kind, packed);
      assertEquals(List.of(text), read(CorpusOptions.DEFAULT, one).texts, kind);
      byte[] twice = Arrays.copyOf(packed, 2 * packed.length);
      System.arraycopy(packed, 0, twice, packed.length, packed.length);
      Path two = write("unnamed-" + kind, twice);
      assertEquals(List.of(text + text), read(CorpusOptions.DEFAULT, two).texts, kind);
      Path lines =
          write("l.jsonl." + kind, Samples.compress(kind, "{\"text\": \"x\"}\n".getBytes(UTF_8)));
      assertEquals(List.of("x"), read(CorpusOptions.DEFAULT, lines).texts, kind);
      Path cut = write("cut." + kind, Arrays.copyOf(packed, packed.length / 2));
      CorpusException e =
          assertThrows(CorpusException.class, () -> read(CorpusOptions.DEFAULT, cut), kind);
      assertTrue(message(e).startsWith(cut + ": damaged"), message(e));
      assertEquals(
          List.of(text), read(CorpusOptions.DEFAULT.withSkipBroken(true), cut, one).texts, kind);
    }
    Path liar = write("liar.gz", "text");
    CorpusException e =
        assertThrows(CorpusException.class, () -> read(CorpusOptions.DEFAULT, liar));
    assertTrue(message(e).contains("named like a gzip file"), message(e));
  }

  @Test
  void archivesAlsoCompressedAndInsideOneAnother() throws IOException {
    List<String> names = List.of("a.txt", "d/b.jsonl", "c.txt.gz", ".hidden");
    List<byte[]> contents =
        List.of(
            "alpha".getBytes(UTF_8),
            "{\"text\": \"beta\"}\n{\"text\": \"gamma\"}\n".getBytes(UTF_8),
            Samples.compress("gz", "delta".getBytes(UTF_8)),
            "no".getBytes(UTF_8));
    List<String> expected = List.of("alpha", "beta", "gamma", "delta");
    byte[] tar = Samples.tar(names, contents);
    byte[] zip = Samples.zip(names, contents);
    for (Path path :
        List.of(
            write("x.tar", tar),
            write("x.tgz", Samples.compress("gz", tar)),
            write("x.tar.zst", Samples.compress("zst", tar)),
            write("x.tar.xz", Samples.compress("xz", tar)),
            write("x.tar.bz2", Samples.compress("bz2", tar)),
            write("x.zip", zip),
            write("zip-without-a-name", zip),
            write("nested.tar", Samples.tar(List.of("in.zip"), List.of(zip))),
            write("nested.zip", Samples.zip(List.of("in.tar"), List.of(tar))))) {
      assertEquals(expected, read(CorpusOptions.DEFAULT, path).texts, path.toString());
    }
    Documents some =
        read(CorpusOptions.DEFAULT.withInclude(List.of("*.jsonl")), folder.resolve("x.zip"));
    assertEquals(List.of("beta", "gamma"), some.texts);
  }

  @Test
  void membersThatCannotBeReadAreNamed() throws IOException {
    byte[] zip =
        Samples.zip(
            List.of("good.txt", "bad.txt", "last.txt"),
            List.of(
                "good".getBytes(UTF_8),
                "to be damaged, to be damaged".getBytes(UTF_8),
                "last".getBytes(UTF_8)));
    byte[] encrypted = zip.clone();
    Samples.encryptFlag(encrypted, "bad.txt");
    byte[] damaged = zip.clone();
    Samples.damageData(damaged, "bad.txt");
    for (byte[] bytes : List.of(encrypted, damaged)) {
      Path path = write("m.zip", bytes);
      CorpusException e =
          assertThrows(CorpusException.class, () -> read(CorpusOptions.DEFAULT, path));
      assertTrue(message(e).startsWith(path + ": member bad.txt: "), message(e));
      Documents d = read(CorpusOptions.DEFAULT.withSkipBroken(true), path);
      assertEquals(List.of("good", "last"), d.texts);
      assertEquals(1, d.skipped.size());
    }
    Path cut = write("cut.zip", Arrays.copyOf(zip, zip.length / 2));
    CorpusException e = assertThrows(CorpusException.class, () -> read(CorpusOptions.DEFAULT, cut));
    assertTrue(message(e).startsWith(cut + ": damaged"), message(e));
    byte[] tar = Samples.tar(List.of("a.txt", "b.txt"), List.of(zip, zip));
    Path cutTar = write("cut.tar", Arrays.copyOf(tar, 700));
    e = assertThrows(CorpusException.class, () -> read(CorpusOptions.DEFAULT, cutTar));
    assertTrue(message(e).startsWith(cutTar.toString()), message(e));
    Path badText =
        write("t.tar", Samples.tar(List.of("x.txt"), List.of(new byte[] {'a', (byte) 0x80})));
    e = assertThrows(CorpusException.class, () -> read(CorpusOptions.DEFAULT, badText));
    assertTrue(
        message(e).startsWith(badText + ": member x.txt: invalid UTF-8 at byte offset 1"),
        message(e));
  }
}
